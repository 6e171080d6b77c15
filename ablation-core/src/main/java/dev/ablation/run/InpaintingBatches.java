package dev.ablation.run;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.augment.MaskSampling;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InpaintingCondition;
import dev.ablation.model.LatentCodec;
import dev.ablation.random.RandomStreams;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * What an inpainting model is conditioned on in training: each anchor image without a part of
 * random shape, as such models are trained (Rombach et al. 2022, arXiv 2112.10752, section 4.5).
 *
 * @param condition the model's
 * @param codec the model's
 * @param masks how parts are chosen
 * @param seed of the pair
 */
record InpaintingBatches(
    InpaintingCondition condition, LatentCodec codec, MaskSampling masks, long seed) {

  /** Empty if the model conditions on no image. */
  static Optional<InpaintingBatches> of(BatchChoices choices, long seed) {
    DiffusionModel model = choices.model();
    return model
        .capability(InpaintingCondition.class)
        .map(condition ->
            new InpaintingBatches(
                condition,
                Capabilities.require(model, LatentCodec.class, "training an inpainting model"),
                choices.masks(),
                seed));
  }

  /** The conditions of a batch's images, owned by {@code scope}. */
  Map<String, NDArray> conditions(String purpose, int step, NDArray latents, NDManager scope) {
    try (NDManager temporary = scope.newSubManager()) {
      NDArray images = codec.decode(latents);
      images.attach(temporary);
      Shape shape = images.getShape();
      int height = Math.toIntExact(shape.get(2));
      int width = Math.toIntExact(shape.get(3));
      int count = Math.toIntExact(shape.get(0));
      RandomGenerator random = RandomStreams.stream(seed, purpose + "inpainting-masks", step);
      float[] parts = new float[count * height * width];
      for (int i = 0; i < count; i++) {
        boolean[] part = masks.draw(height, width, random);
        for (int k = 0; k < part.length; k++) {
          parts[i * part.length + k] = part[k] ? 1 : 0;
        }
      }
      NDArray drawn =
          temporary
              .create(parts, new Shape(count, 1, height, width))
              .toDevice(latents.getDevice(), false);
      NDArray noise =
          RandomStreams.gaussian(
              temporary,
              latents.getShape(),
              RandomStreams.stream(seed, purpose + "masked-image", step));
      return condition.of(images, drawn, noise, scope);
    }
  }
}
