package dev.ablation.evaluation;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What an evaluation found, with everything that is needed to repeat it.
 *
 * @param settings of the protocol: sampler, steps, guidance scale, seed, counts; in order
 * @param subjects target, anchor, neighbours, unrelated prompts
 * @param attacks attempts to bring the target back; perhaps none
 * @param elapsed how long it took
 */
public record EvaluationResult(
    Map<String, String> settings,
    List<SubjectResult> subjects,
    List<AttackResult> attacks,
    Duration elapsed) {

  /** Copies the collections. */
  public EvaluationResult {
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    subjects = List.copyOf(subjects);
    attacks = List.copyOf(attacks);
    Objects.requireNonNull(elapsed, "elapsed");
  }

  /**
   * Returns the subjects of a role.
   *
   * @param role such as {@link Role#NEIGHBOUR}
   * @return the subjects; empty if there are none
   */
  public List<SubjectResult> of(Role role) {
    return subjects.stream().filter(each -> each.subject().role() == role).toList();
  }
}
