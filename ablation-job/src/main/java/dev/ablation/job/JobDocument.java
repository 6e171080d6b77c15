package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.RecordCopies;
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

  /** Changes one component, by its name. */
  JobDocument with(String component, Object changed) {
    return RecordCopies.with(this, component, changed);
  }
}
