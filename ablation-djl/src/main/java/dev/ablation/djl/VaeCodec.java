package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.ModelUse;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.model.LatentCodec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Images and the latents that the denoising network works on. */
record VaeCodec(AutoencoderKL vae, ModelUse use) implements LatentCodec {

  @Override
  public int downscaling() {
    return vae.config().downscaling();
  }

  @Override
  public NDArray decode(NDArray latents) {
    int channels = vae.config().latentChannels();
    if (latents.getShape().dimension() != 4 || latents.getShape().get(1) != channels) {
      throw new IllegalArgumentException(
          "latents: expected (B, %d, H, W), was %s".formatted(channels, latents.getShape()));
    }
    return use.during(() -> GradMode.asRequested(() -> decoded(latents)));
  }

  private NDArray decoded(NDArray latents) {
    try (NDArray unscaled = Kernels.divide(vae.config().scalingFactor()).call(latents)) {
      unscaled.addi((float) vae.config().shiftFactor());
      if (hasStatistics()) {
        try (NDArray std = channels(vae.config().latentsStd(), unscaled);
            NDArray mean = channels(vae.config().latentsMean(), unscaled)) {
          unscaled.muli(std).addi(mean);
        }
      }
      return vae.apply(unscaled);
    }
  }

  @Override
  public NDArray encode(NDArray images, @Nullable NDArray noise) {
    int factor = downscaling();
    if (images.getShape().dimension() != 4
        || images.getShape().get(1) != vae.config().inChannels()
        || images.getShape().get(2) % factor != 0
        || images.getShape().get(3) % factor != 0) {
      throw new IllegalArgumentException(
          "images: expected (B, %d, h, w) with h and w multiples of %d, was %s"
              .formatted(vae.config().inChannels(), factor, images.getShape()));
    }
    // Images are data: no gradient is taken with respect to them.
    return use.during(() -> GradMode.with(false, () -> encoded(images, noise)));
  }

  private NDArray encoded(NDArray images, @Nullable NDArray noise) {
    try (NDArray moments = vae.moments(images);
        NDList posterior = vae.posterior(moments)) {
      NDArray latents = posterior.get(0).duplicate();
      if (noise != null) {
        try (NDArray deviation = posterior.get(2).mul(noise)) {
          latents.addi(deviation);
        }
      }
      if (hasStatistics()) {
        try (NDArray std = channels(vae.config().latentsStd(), latents);
            NDArray mean = channels(vae.config().latentsMean(), latents)) {
          latents.subi(mean).divi(std);
        }
      }
      return latents
          .subi((float) vae.config().shiftFactor())
          .muli((float) vae.config().scalingFactor());
    }
  }

  private boolean hasStatistics() {
    return !vae.config().latentsMean().isEmpty();
  }

  /** Shape (1, C, 1, 1), beside {@code latents}. */
  private static NDArray channels(List<Double> values, NDArray latents) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).floatValue();
    }
    return latents
        .getManager()
        .create(floats, new Shape(1, floats.length, 1, 1))
        .toDevice(latents.getDevice(), false);
  }
}
