package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.concept.ConceptKind;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A concept that must stay.
 *
 * @param kind what it is. Default: the first target's kind
 * @param name its name, such as {@code Monet}
 * @param prompts prompts that draw it. Default: the anchor's, with this name in them
 */
@Shorthand("name")
@CheckReturnValue
public record JobConcept(
    @Described("What it is. Default: the first target's kind.") @Nullable ConceptKind kind,
    @Described(value = "Its name, such as `Monet`.", required = true) String name,
    @Described("Prompts that draw it. Default: the anchor's, with this name in them.")
        List<String> prompts) {

  /** Copies and checks the values. */
  public JobConcept {
    prompts = prompts == null ? List.of() : List.copyOf(prompts);
  }

  /**
   * Names a concept of the first target's kind.
   *
   * @param name such as {@code "Monet"}
   * @return the concept
   */
  public static JobConcept of(String name) {
    return new JobConcept(null, name, List.of());
  }
}
