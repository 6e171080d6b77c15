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
 * The result of a run. Owns the delta's arrays; closing it frees them, but not the model.
 *
 * {@snippet class="dev.ablation.Snippets" region="result"}
 */
@CheckReturnValue
public final class AblationResult implements AutoCloseable {
  private final RunOutcome outcome;

  AblationResult(RunOutcome outcome) {
    this.outcome = outcome;
  }

  /**
   * Restores the result of a run that was saved.
   *
   * @param delta the delta, owned by the result from now on
   * @param training how it was trained
   * @return the result, without an evaluation
   */
  public static AblationResult of(WeightDelta delta, Report.Training training) {
    return new AblationResult(new RunOutcome(delta, training, Optional.empty()));
  }

  /** {@return how the delta was trained, as a report shows it} */
  public Report.Training training() {
    return outcome.training();
  }

  /** {@return the change of the weights} */
  public WeightDelta delta() {
    return outcome.delta();
  }

  /** {@return loss and gradient norm of every step; empty for a trainer without steps} */
  public List<Step> history() {
    return outcome.training().history();
  }

  /** {@return the values that monitors measured, in order} */
  public List<Measurement> measurements() {
    return outcome.training().measurements();
  }

  /** {@return how training ended, and from which step the delta is} */
  public TrainingOutcome outcome() {
    return outcome.training().outcome();
  }

  /**
   * {@return the duration of the run, including anchors but not the evaluation; for a resumed run,
   * since it was resumed}
   */
  public Duration elapsed() {
    return outcome.training().elapsed();
  }

  /**
   * {@return the increase in bytes of the device's memory, or on the CPU of the process's peak
   * memory, by training and anchors; empty if it cannot be measured}
   */
  public OptionalLong memory() {
    return outcome.training().memory();
  }

  /**
   * {@return the result of {@link Ablation#evaluate}; empty if the plan has no evaluation or it
   * failed}
   */
  public Optional<EvaluationResult> evaluation() {
    return outcome.evaluation();
  }

  /** {@return the delta's provenance} */
  public Provenance provenance() {
    return delta().provenance();
  }

  /**
   * Writes a report: a self-contained HTML page, and a JSON file with the same base name in the
   * same folder.
   *
   * @param page the file, ending in {@code .html}; replaced if it exists; its folder must exist
   * @throws IOException if a file cannot be written
   * @throws IllegalArgumentException if the name has another extension
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
   * @param found replaces {@link #evaluation()}
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
    return "AblationResult[%s, %s]".formatted(delta(), outcome());
  }
}
