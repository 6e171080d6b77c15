package dev.ablation.job;

import dev.ablation.job.internal.Described;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What training preserves, beyond what the method itself does.
 *
 * @param concepts concepts, such as neighbours of the target
 * @param prompts prompts whose images stay
 * @param weight weight of the term in the loss. Default: 1
 */
public record JobPreservation(
    @Described("Concepts, such as neighbours of the target.") List<JobConcept> concepts,
    @Described("Prompts whose images stay.") List<String> prompts,
    @Described(value = "Weight of the term in the loss. Default: 1.", positive = true)
        @Nullable Double weight) {

  /** Copies and checks the values. */
  public JobPreservation {
    concepts = concepts == null ? List.of() : List.copyOf(concepts);
    prompts = prompts == null ? List.of() : List.copyOf(prompts);
  }
}
