package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * How far an attempt to bring the target back succeeded.
 *
 * @param family such as {@code "leakage"} or {@code "recovery"}; a report groups by it
 * @param name of the attempt, such as {@code "misspelled"}
 * @param settings everything that shapes it, in order
 * @param recovered the share of images that show the target, of the ablated model and of the base
 *     model under the same attempt
 * @param shown some of the images, the first ones
 * @param elapsed how long it took
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
