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
 * @param together how this removal and the earlier ones of the job's ledger do with all deltas
 *     applied; empty if there are no earlier ones
 * @param entered whether the removal was entered in the job's ledger; not if a limit is not met
 */
public record JobResult(
    AblationJob job,
    Path folder,
    List<Verdict> verdicts,
    Optional<EvaluationResult> evaluation,
    List<TogetherResult> together,
    boolean entered) {

  /** Copies the lists. */
  public JobResult {
    Objects.requireNonNull(job, "job");
    Objects.requireNonNull(folder, "folder");
    verdicts = List.copyOf(verdicts);
    together = List.copyOf(together);
  }

  /**
   * {@return whether every limit is met, and every limit of the earlier removals of the ledger is
   * still met; true if there are none}
   */
  public boolean accepted() {
    return verdicts.stream().allMatch(Verdict::met)
        && together.stream().allMatch(TogetherResult::accepted);
  }
}
