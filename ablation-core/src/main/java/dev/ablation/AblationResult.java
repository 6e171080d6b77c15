package dev.ablation;

import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.provenance.Provenance;
import dev.ablation.report.Report;
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
 *
 * @param delta the change of the weights
 * @param history loss and gradient norm of every step
 * @param measurements what monitors measured, in order
 * @param ending how training ended, and which step the delta is of
 * @param elapsed how long the run took, anchors included and the evaluation not; of a run that was
 *     continued, since then
 * @param memory by how many bytes training with its anchors raised the memory of the device, or on
 *     the CPU the peak of the process; empty where it cannot be told
 * @param evaluation what {@link Ablation#evaluate} found; empty if the plan has none
 */
public record AblationResult(
    WeightDelta delta,
    List<Step> history,
    List<Measurement> measurements,
    TrainingOutcome ending,
    Duration elapsed,
    OptionalLong memory,
    Optional<EvaluationResult> evaluation)
    implements AutoCloseable {

  /** Copies the lists. */
  public AblationResult {
    history = List.copyOf(history);
    measurements = List.copyOf(measurements);
  }

  /** {@return where the delta comes from} */
  public Provenance provenance() {
    return delta.provenance();
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
            Report.DeltaFile.of(delta),
            evaluation.orElse(null),
            new Report.Training(history, measurements, ending, elapsed, memory))
        .write(page);
  }

  /**
   * Returns the result with an evaluation that was made afterwards.
   *
   * @param found takes the place of {@link #evaluation()}
   * @return a copy that has the same delta; close one of them
   */
  public AblationResult evaluation(EvaluationResult found) {
    return new AblationResult(
        delta, history, measurements, ending, elapsed, memory, Optional.of(found));
  }

  /** Frees the delta. */
  @Override
  public void close() {
    delta.close();
  }
}
