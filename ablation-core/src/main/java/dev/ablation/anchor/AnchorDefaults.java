package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import dev.ablation.concept.Concept;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.util.Objects;

/**
 * How anchor pictures are made where a strategy leaves it open: the part of a preset that belongs
 * to anchors.
 *
 * {@snippet class="dev.ablation.Snippets" region="preset"}
 *
 * @param images how many pictures, positive
 * @param sampling how they are drawn
 * @param avoidTarget whether the target's name is the negative prompt
 * @param augmented whether pictures are shown in other scales, cropped and flipped
 */
public record AnchorDefaults(
    int images, SamplingSettings sampling, boolean avoidTarget, boolean augmented) {

  /** Checks the number. */
  public AnchorDefaults {
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
    Objects.requireNonNull(sampling, "sampling");
  }

  /**
   * {@return the reference implementation for diffusers: 1,000 pictures by 25 steps of
   * DPM-Solver++, guidance 6}
   */
  public static AnchorDefaults diffusers() {
    SamplingSettings sampling =
        SamplingSettings.defaults().withSteps(25).withGuidanceScale(6).withBatchSize(4);
    return new AnchorDefaults(1000, sampling, false, false);
  }

  /**
   * {@return the paper's own implementation: 1,000 pictures by 200 steps of DDIM with eta 1,
   * guidance 6}
   */
  public static AnchorDefaults paper() {
    SamplingSettings sampling = new SamplingSettings(Sampler.ddim(1), 200, 6, "", 10);
    return new AnchorDefaults(1000, sampling, false, false);
  }

  /**
   * Changes whether the target's name is the negative prompt.
   *
   * @param avoidTarget whether it is
   * @return a changed copy
   */
  public AnchorDefaults avoidTarget(boolean avoidTarget) {
    return new AnchorDefaults(images, sampling, avoidTarget, augmented);
  }

  /**
   * Changes whether pictures are augmented.
   *
   * @param augmented whether they are
   * @return a changed copy
   */
  public AnchorDefaults augmented(boolean augmented) {
    return new AnchorDefaults(images, sampling, avoidTarget, augmented);
  }

  SamplingSettings samplingFor(Concept target) {
    return avoidTarget ? sampling.withNegativePrompt(target.name()) : sampling;
  }
}
