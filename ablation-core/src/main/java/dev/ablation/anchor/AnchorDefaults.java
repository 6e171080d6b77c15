package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.util.Objects;

/**
 * How anchor images are made where a strategy leaves it open: the part of a preset that belongs to
 * anchors.
 *
 * {@snippet class="dev.ablation.Snippets" region="preset"}
 *
 * @param images how many images, positive
 * @param sampling how they are drawn
 * @param avoidTarget whether the target's name is the negative prompt
 * @param augmentation how images are changed each time that training draws one, for strategies that
 *     name none of their own
 */
public record AnchorDefaults(
    int images, SamplingSettings sampling, boolean avoidTarget, Augmentation augmentation) {

  /** Checks the number. */
  public AnchorDefaults {
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(augmentation, "augmentation");
  }

  /**
   * {@return the reference implementation for diffusers: 1,000 images by 25 steps of DPM-Solver++,
   * guidance 6, not scaled}
   */
  public static AnchorDefaults diffusers() {
    SamplingSettings sampling = SamplingSettings.defaults().steps(25).guidanceScale(6).batchSize(4);
    return new AnchorDefaults(1000, sampling, false, Augmentation.diffusers().withoutScaling());
  }

  /**
   * {@return the paper's own implementation: 1,000 images by 200 steps of DDIM with eta 1, guidance
   * 6, not scaled}
   */
  public static AnchorDefaults paper() {
    SamplingSettings sampling = new SamplingSettings(Sampler.ddim(1), 200, 6, "", 10);
    return new AnchorDefaults(1000, sampling, false, Augmentation.paper().withoutScaling());
  }

  /**
   * Changes whether the target's name is the negative prompt.
   *
   * @param avoidTarget whether it is
   * @return a changed copy
   */
  public AnchorDefaults avoidTarget(boolean avoidTarget) {
    return new AnchorDefaults(images, sampling, avoidTarget, augmentation);
  }

  /**
   * Changes how images are changed.
   *
   * @param augmentation for strategies that name none of their own
   * @return a changed copy
   */
  public AnchorDefaults augmentation(Augmentation augmentation) {
    return new AnchorDefaults(images, sampling, avoidTarget, augmentation);
  }

  /**
   * Fills in what a strategy leaves open, its augmentation included. Where a model cannot encode
   * images, a run goes on without the augmentation and warns.
   *
   * @param anchor strategy
   * @param target what is removed
   * @return a complete strategy
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
