package dev.ablation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import java.util.Objects;

/**
 * Removes concepts from a text-to-image diffusion model and keeps the rest of it (Kumari et al.,
 * <i>Ablating Concepts in Text-to-Image Diffusion Models</i>, ICCV 2023, arXiv 2303.13516).
 *
 * {@snippet class="dev.ablation.Snippets" region="one-line"}
 *
 * <p>The types enforce the order: after {@link #of} comes a target, then an anchor; every other
 * part of the plan has a default.
 */
@CheckReturnValue
public final class Ablator {
  private Ablator() {}

  /**
   * Starts a plan.
   *
   * @param model the model to ablate; the caller keeps ownership, and a run never leaves it changed
   * @return a stage that takes the target
   */
  public static TargetStage of(DiffusionModel model) {
    Objects.requireNonNull(model, "model");
    return target -> {
      Objects.requireNonNull(target, "target");
      return anchor -> Ablation.of(model, target, anchor);
    };
  }

  /** The stage that takes the concept to remove. */
  @FunctionalInterface
  public interface TargetStage {

    /**
     * Names the concept to remove.
     *
     * @param concept such as {@code Concept.style("Van Gogh")}
     * @return a stage that takes the anchor
     */
    AnchorStage target(Concept concept);

    /**
     * Names an instance to remove; short for {@code target(Concept.instance(name))}.
     *
     * @param name such as {@code "grumpy cat"}
     * @return a stage that takes the anchor
     */
    default AnchorStage target(String name) {
      return target(Concept.instance(name));
    }
  }

  /** The stage that takes the anchor: what the model draws instead. */
  @FunctionalInterface
  public interface AnchorStage {

    /**
     * Chooses the anchor.
     *
     * @param strategy provides anchor prompts and images
     * @return the plan, complete with defaults
     * @throws IllegalArgumentException if the anchor is the target
     */
    Ablation anchor(AnchorStrategy strategy);

    /**
     * Chooses an anchor whose images the model generates; short for {@code
     * anchor(AnchorStrategy.generated(name))}.
     *
     * @param name such as {@code "painting"}
     * @return the plan, complete with defaults
     * @throws IllegalArgumentException if the anchor is the target
     */
    default Ablation anchor(String name) {
      return anchor(AnchorStrategy.generated(name));
    }
  }
}
