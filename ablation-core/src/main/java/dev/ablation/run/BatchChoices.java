package dev.ablation.run;

import dev.ablation.augment.MaskSampling;
import dev.ablation.model.DiffusionModel;
import dev.ablation.schedule.TimestepSampling;
import org.jspecify.annotations.Nullable;

/**
 * What a plan chooses for its batches.
 *
 * @param model to train
 * @param timesteps how timesteps are drawn; {@code null} for the model's own way
 * @param masks how images are masked for an inpainting model
 */
record BatchChoices(
    DiffusionModel model, @Nullable TimestepSampling timesteps, MaskSampling masks) {

  /** The defaults. */
  static BatchChoices of(DiffusionModel model) {
    return new BatchChoices(model, null, MaskSampling.shapes());
  }
}
