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
 * <p>The order is in the types: {@link #of} offers only a target, a target only an anchor, and from
 * then on every part of the plan has a default.
 */
@CheckReturnValue
public final class Ablator {
  private Ablator() {}

  /**
   * Starts a plan.
   *
   * @param model to ablate; the caller keeps ownership, and the model is never left changed
   * @return what is still missing: the target
   */
  public static TargetStage of(DiffusionModel model) {
    Objects.requireNonNull(model, "model");
    return target -> {
      Objects.requireNonNull(target, "target");
      return anchor -> Ablation.of(model, target, anchor);
    };
  }

  /** What is still missing: the concept to remove. */
  @FunctionalInterface
  public interface TargetStage {

    /**
     * Names the concept to remove.
     *
     * @param concept such as {@code Concept.style("Van Gogh")}
     * @return what is still missing: the anchor
     */
    AnchorStage target(Concept concept);

    /**
     * Names an instance to remove; short for {@code target(Concept.instance(name))}.
     *
     * @param name such as {@code "grumpy cat"}
     * @return what is still missing: the anchor
     */
    default AnchorStage target(String name) {
      return target(Concept.instance(name));
    }
  }

  /** What is still missing: what the model shall draw instead. */
  @FunctionalInterface
  public interface AnchorStage {

    /**
     * Chooses the anchor.
     *
     * @param strategy yields anchor prompts and images
     * @return the plan, complete with defaults
     * @throws IllegalArgumentException if the anchor is the target
     */
    Ablation anchor(AnchorStrategy strategy);

    /**
     * Chooses an anchor that the model draws itself; short for {@code
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
