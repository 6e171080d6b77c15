package dev.ablation;

import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.provenance.Provenance;
import dev.ablation.train.Ending;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingResult.Step;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a run learned. Owns the delta's arrays; closing it frees them, not the model.
 *
 * {@snippet class="dev.ablation.Snippets" region="result"}
 *
 * @param delta the change of the weights
 * @param history loss and gradient norm of every step
 * @param measurements what monitors measured, in order
 * @param ending how training ended, and which step the delta is of
 * @param evaluation what the evaluation of the plan found; empty without one, and if it failed,
 *     which a warning told
 * @param elapsed how long the run took, anchors and evaluation included; of a run that was
 *     continued, since then
 */
public record AblationResult(
    WeightDelta delta,
    List<Step> history,
    List<Measurement> measurements,
    Ending ending,
    Optional<EvaluationResult> evaluation,
    Duration elapsed)
    implements AutoCloseable {

  /** Copies the lists. */
  public AblationResult {
    history = List.copyOf(history);
    measurements = List.copyOf(measurements);
    Objects.requireNonNull(evaluation, "evaluation");
  }

  /** {@return where the delta comes from} */
  public Provenance provenance() {
    return delta.provenance();
  }

  /** Frees the delta. */
  @Override
  public void close() {
    delta.close();
  }
}
