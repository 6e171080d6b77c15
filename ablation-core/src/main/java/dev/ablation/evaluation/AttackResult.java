package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The result of an attack.
 *
 * @param family the kind of attack, such as {@code "leakage"} or {@code "recovery"}; a report
 *     groups by it
 * @param name name of the attack, such as {@code "misspelled"}
 * @param settings everything that determines the attack, in order
 * @param recovered the share of images that show the target, for the ablated model and for the base
 *     model under the same attack
 * @param shown the first few images
 * @param elapsed duration of the attack
 */
public record AttackResult(
    String family,
    String name,
    Map<String, String> settings,
    Comparison recovered,
    List<ImagePair> shown,
    Duration elapsed) {

  /** Copies the collections and checks the names. */
  public AttackResult {
    Preconditions.checkArgument(!family.isBlank(), "family must not be blank");
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    Objects.requireNonNull(recovered, "recovered");
    shown = List.copyOf(shown);
    Objects.requireNonNull(elapsed, "elapsed");
  }
}
