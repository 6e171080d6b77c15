package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.util.Objects;

/**
 * Defaults for anchor images: the part of a preset that applies to settings that a strategy leaves
 * unset.
 *
 * {@snippet class="dev.ablation.Snippets" region="preset"}
 *
 * @param images number of images, positive
 * @param sampling settings for generating them
 * @param avoidTarget whether the target's name is the negative prompt
 * @param augmentation the augmentation for strategies that have none of their own
 */
@CheckReturnValue
public record AnchorDefaults(
    int images, SamplingSettings sampling, boolean avoidTarget, Augmentation augmentation) {

  /** Checks the number of images. */
  public AnchorDefaults {
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(augmentation, "augmentation");
  }

  /**
   * {@return the settings of the reference implementation for diffusers: 1,000 images, 25 steps of
   * DPM-Solver++, guidance 6, no scaling}
   */
  public static AnchorDefaults diffusers() {
    SamplingSettings sampling = SamplingSettings.defaults().steps(25).guidanceScale(6).batchSize(4);
    return new AnchorDefaults(1000, sampling, false, Augmentation.diffusers().withoutScaling());
  }

  /**
   * {@return the settings of the paper's own implementation: 1,000 images, 200 steps of DDIM with
   * eta 1, guidance 6, no scaling}
   */
  public static AnchorDefaults paper() {
    SamplingSettings sampling = new SamplingSettings(Sampler.ddim(1), 200, 6, "", 10);
    return new AnchorDefaults(1000, sampling, false, Augmentation.paper().withoutScaling());
  }

  /**
   * Changes whether the target's name is the negative prompt.
   *
   * @param avoidTarget whether it is
   * @return a copy with the given choice
   */
  public AnchorDefaults avoidTarget(boolean avoidTarget) {
    return new AnchorDefaults(images, sampling, avoidTarget, augmentation);
  }

  /**
   * Changes the augmentation.
   *
   * @param augmentation the augmentation for strategies that have none of their own
   * @return a copy with the given augmentation
   */
  public AnchorDefaults augmentation(Augmentation augmentation) {
    return new AnchorDefaults(images, sampling, avoidTarget, augmentation);
  }

  /**
   * Fills the unset settings of a strategy, including its augmentation. If a model cannot encode
   * images, the run continues without the augmentation and warns.
   *
   * @param anchor the strategy
   * @param target the target
   * @return the complete strategy
   */
  public AnchorStrategy applyTo(AnchorStrategy anchor, Concept target) {
    AnchorStrategy filled = anchor.withDefaults(target, this);
    return filled.augmentation().isPresent()
        ? filled
        : new AugmentedAnchors(filled, augmentation, true);
  }

  /**
   * Returns these defaults, with the sampling that suits a model where their own sampler does not
   * work with its schedule.
   *
   * @param model to draw from
   * @return defaults that the model can draw with
   */
  public AnchorDefaults compatibleWith(DiffusionModel model) {
    return new AnchorDefaults(images, sampling.compatibleWith(model), avoidTarget, augmentation);
  }

  SamplingSettings samplingFor(Concept target) {
    return avoidTarget ? sampling.negativePrompt(target.name()) : sampling;
  }
}
