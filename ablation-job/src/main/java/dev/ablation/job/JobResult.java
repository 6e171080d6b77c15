package dev.ablation.job;

import dev.ablation.evaluation.EvaluationResult;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a run of a job found.
 *
 * @param job the job
 * @param folder of the run, its evidence
 * @param verdicts one for each limit of the job
 * @param evaluation of the result; empty if the job has none, or it failed
 */
public record JobResult(
    AblationJob job, Path folder, List<Verdict> verdicts, Optional<EvaluationResult> evaluation) {

  /** Copies the verdicts. */
  public JobResult {
    Objects.requireNonNull(job, "job");
    Objects.requireNonNull(folder, "folder");
    verdicts = List.copyOf(verdicts);
  }

  /** {@return whether every limit is met; true if the job has none} */
  public boolean accepted() {
    return verdicts.stream().allMatch(Verdict::met);
  }
}
