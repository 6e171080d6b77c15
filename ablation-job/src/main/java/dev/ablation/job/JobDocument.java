package dev.ablation.job;

import dev.ablation.job.internal.Described;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The whole of a job file.
 *
 * @param $schema address of this schema, for editors; not used
 * @param request identifier of the request that the job answers
 * @param model the model. Default: {@code embedded}
 * @param targets what to remove; at least one
 * @param preserve what training preserves
 * @param method how. Default: {@code recommended}
 * @param seed seed of all random numbers. Default: 0
 * @param limits what a run may take
 * @param evaluation how the result is evaluated
 * @param acceptance limits that the evaluation must meet, such as {@code UA >= 95}
 * @param outputs what is written, and where
 * @param metadata anything that the evidence repeats
 */
record JobDocument(
    @Described("Address of this schema, for editors; not used.") @Nullable String $schema,
    @Described("Identifier of the request that the job answers.") @Nullable String request,
    @Described("The model. Default: `embedded`.") @Nullable JobModel model,
    @Described(value = "What to remove; at least one.", required = true) List<JobTarget> targets,
    @Described("What training preserves.") @Nullable JobPreservation preserve,
    @Described("How. Default: `recommended`.") @Nullable JobMethod method,
    @Described("Seed of all random numbers. Default: 0.") @Nullable Long seed,
    @Described("What a run may take.") @Nullable JobLimits limits,
    @Described("How the result is evaluated.") @Nullable JobEvaluation evaluation,
    @Described("Limits that the evaluation must meet, such as `UA >= 95`.")
        List<AcceptanceLimit> acceptance,
    @Described("What is written, and where.") @Nullable JobOutputs outputs,
    @Described("Anything that the evidence repeats.") Map<String, String> metadata) {

  /** Copies and checks the values. */
  JobDocument {
    targets = targets == null ? List.of() : List.copyOf(targets);
    acceptance = acceptance == null ? List.of() : List.copyOf(acceptance);
    metadata =
        metadata == null
            ? Map.of()
            : java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(metadata));
  }

  JobDocument withRequest(String changed) {
    return new JobDocument(
        $schema,
        changed,
        model,
        targets,
        preserve,
        method,
        seed,
        limits,
        evaluation,
        acceptance,
        outputs,
        metadata);
  }

  JobDocument withModel(JobModel changed) {
    return new JobDocument(
        $schema,
        request,
        changed,
        targets,
        preserve,
        method,
        seed,
        limits,
        evaluation,
        acceptance,
        outputs,
        metadata);
  }

  JobDocument withTargets(List<JobTarget> changed) {
    return new JobDocument(
        $schema,
        request,
        model,
        changed,
        preserve,
        method,
        seed,
        limits,
        evaluation,
        acceptance,
        outputs,
        metadata);
  }

  JobDocument withPreserve(JobPreservation changed) {
    return new JobDocument(
        $schema,
        request,
        model,
        targets,
        changed,
        method,
        seed,
        limits,
        evaluation,
        acceptance,
        outputs,
        metadata);
  }

  JobDocument withMethod(JobMethod changed) {
    return new JobDocument(
        $schema,
        request,
        model,
        targets,
        preserve,
        changed,
        seed,
        limits,
        evaluation,
        acceptance,
        outputs,
        metadata);
  }

  JobDocument withSeed(long changed) {
    return new JobDocument(
        $schema,
        request,
        model,
        targets,
        preserve,
        method,
        changed,
        limits,
        evaluation,
        acceptance,
        outputs,
        metadata);
  }

  JobDocument withLimits(JobLimits changed) {
    return new JobDocument(
        $schema,
        request,
        model,
        targets,
        preserve,
        method,
        seed,
        changed,
        evaluation,
        acceptance,
        outputs,
        metadata);
  }

  JobDocument withEvaluation(JobEvaluation changed) {
    return new JobDocument(
        $schema,
        request,
        model,
        targets,
        preserve,
        method,
        seed,
        limits,
        changed,
        acceptance,
        outputs,
        metadata);
  }

  JobDocument withAcceptance(List<AcceptanceLimit> changed) {
    return new JobDocument(
        $schema,
        request,
        model,
        targets,
        preserve,
        method,
        seed,
        limits,
        evaluation,
        changed,
        outputs,
        metadata);
  }

  JobDocument withOutputs(JobOutputs changed) {
    return new JobDocument(
        $schema,
        request,
        model,
        targets,
        preserve,
        method,
        seed,
        limits,
        evaluation,
        acceptance,
        changed,
        metadata);
  }

  JobDocument withMetadata(Map<String, String> changed) {
    return new JobDocument(
        $schema,
        request,
        model,
        targets,
        preserve,
        method,
        seed,
        limits,
        evaluation,
        acceptance,
        outputs,
        changed);
  }
}
