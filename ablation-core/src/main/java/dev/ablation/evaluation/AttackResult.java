package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The result of an attack.
 *
 * @param family the kind of attack, such as {@code "leakage"} or {@code "recovery"}; a report
 *     groups by it
 * @param name name of the attack, such as {@code "misspelled"}
 * @param settings everything that determines the attack, in order
 * @param judged the share of images that show the target, for every model under the same attack;
 *     one entry for each judge, at least one, the judge that the attack itself used first
 * @param shown the first few images; none if the base model was not attacked
 * @param elapsed duration of the attack
 */
@CheckReturnValue
public record AttackResult(
    String family,
    String name,
    Map<String, String> settings,
    List<Recovery> judged,
    List<ImagePair> shown,
    Duration elapsed) {
  /** Setting of an attack that follows the gradient of an evaluator: its SHA-256. */
  public static final String GUIDE = "SHA-256 of the evaluator that guides";

  /** Copies the collections and checks the names. */
  public AttackResult {
    Preconditions.checkArgument(!family.isBlank(), "family must not be blank");
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    judged = List.copyOf(judged);
    Preconditions.checkArgument(!judged.isEmpty(), "judged must not be empty");
    shown = List.copyOf(shown);
    Objects.requireNonNull(elapsed, "elapsed");
  }

  /**
   * Makes the result of an attack that has one judge and no control.
   *
   * @param family the kind of attack
   * @param name name of the attack
   * @param settings everything that determines the attack, in order
   * @param recovered the share of images that show the target, for base and ablated model
   * @param shown the first few images
   * @param elapsed duration of the attack
   */
  public AttackResult(
      String family,
      String name,
      Map<String, String> settings,
      Comparison recovered,
      List<ImagePair> shown,
      Duration elapsed) {
    this(family, name, settings, List.of(Recovery.of(recovered)), shown, elapsed);
  }

  /**
   * Changes the name.
   *
   * @param changed the new name
   * @return a copy with the given name
   */
  public AttackResult name(String changed) {
    return new AttackResult(family, changed, settings, judged, shown, elapsed);
  }

  /**
   * Changes the settings.
   *
   * @param changed everything that determines the attack, in order
   * @return a copy with the given settings
   */
  public AttackResult settings(Map<String, String> changed) {
    return new AttackResult(family, name, changed, judged, shown, elapsed);
  }

  /**
   * Changes the duration.
   *
   * @param changed of the attack, with what it computed beforehand
   * @return a copy with the given duration
   */
  public AttackResult elapsed(Duration changed) {
    return new AttackResult(family, name, settings, judged, shown, changed);
  }

  /** {@return the shares by the first judge} */
  public Recovery recovered() {
    return judged.get(0);
  }

  /**
   * Returns the shares by the first judge that the attack did not follow. An attack that follows an
   * evaluator's gradient pleases that evaluator, whether or not its images show the target.
   *
   * @return the shares; empty if there is no such judge
   */
  public Optional<Recovery> independent() {
    return judged.stream().filter(each -> !isFollowed(each)).findFirst();
  }

  /**
   * Tells whether the shares by a judge say something: whether the attack works by it, and does not
   * follow it.
   *
   * @param recovery one of {@link #judged()}
   * @return whether a low share of the ablated model means something
   */
  public boolean isEvidence(Recovery recovery) {
    return recovery.isEvidence() && !isFollowed(recovery);
  }

  private boolean isFollowed(Recovery recovery) {
    return recovery.ablated().extractor().sha256().equals(settings.get(GUIDE));
  }
}
