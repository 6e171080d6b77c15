package dev.ablation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.provenance.Provenance;
import dev.ablation.report.Report;
import dev.ablation.run.RunOutcome;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingResult.Step;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a run learned. Owns the delta's arrays; closing it frees them, not the model.
 *
 * {@snippet class="dev.ablation.Snippets" region="result"}
 */
@CheckReturnValue
public final class AblationResult implements AutoCloseable {
  private final RunOutcome outcome;

  AblationResult(RunOutcome outcome) {
    this.outcome = outcome;
  }

  /** {@return the change of the weights} */
  public WeightDelta delta() {
    return outcome.delta();
  }

  /** {@return loss and gradient norm of every step; empty for a trainer without steps} */
  public List<Step> history() {
    return outcome.training().history();
  }

  /** {@return what monitors measured, in order} */
  public List<Measurement> measurements() {
    return outcome.training().measurements();
  }

  /** {@return how training ended, and which step the delta is of} */
  public TrainingOutcome ending() {
    return outcome.training().ending();
  }

  /**
   * {@return how long the run took, anchors included and the evaluation not; of a run that was
   * continued, since then}
   */
  public Duration elapsed() {
    return outcome.training().elapsed();
  }

  /**
   * {@return by how many bytes training with its anchors raised the memory of the device, or on the
   * CPU the peak of the process; empty where it cannot be told}
   */
  public OptionalLong memory() {
    return outcome.training().memory();
  }

  /** {@return what {@link Ablation#evaluate} found; empty if the plan has none} */
  public Optional<EvaluationResult> evaluation() {
    return outcome.evaluation();
  }

  /** {@return where the delta comes from} */
  public Provenance provenance() {
    return delta().provenance();
  }

  /**
   * Writes a report: a page of HTML that needs nothing but itself, and a JSON file of the same name
   * beside it.
   *
   * @param page ends with {@code .html}; replaced if it is there, its folder must exist
   * @throws IOException if a file cannot be written
   * @throws IllegalArgumentException if the name ends otherwise
   */
  public void report(Path page) throws IOException {
    new Report(
            provenance(),
            Report.DeltaFile.of(delta()),
            evaluation().orElse(null),
            outcome.training())
        .write(page);
  }

  /**
   * Returns the result with an evaluation that was made afterwards.
   *
   * @param found takes the place of {@link #evaluation()}
   * @return a copy that has the same delta; close one of them
   */
  public AblationResult evaluation(EvaluationResult found) {
    return new AblationResult(outcome.evaluation(found));
  }

  /** Frees the delta. */
  @Override
  public void close() {
    delta().close();
  }

  @Override
  public String toString() {
    return "AblationResult[%s, %s]".formatted(delta(), ending());
  }
}
