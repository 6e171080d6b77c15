package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Conv2d;
import dev.ablation.djl.nn.Layer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The autoencoder. Called as a block it decodes: latents (B, C, H, W), not scaled, to images (B, 3,
 * h, w).
 */
public final class AutoencoderKL extends Layer {
  private static final Kernel POSTERIOR =
      Kernel.of(
          """
          (moments):
              mean, logvar = torch.chunk(moments, 2, 1)
              logvar1 = torch.clamp(logvar, -30., 20.)
              return (mean, logvar1, torch.exp(torch.mul(logvar1, 0.5)))\
          """);

  private final VaeConfig config;
  private final Encoder encoder;
  private final Decoder decoder;
  private final @Nullable Conv2d quantConv;
  private final @Nullable Conv2d postQuantConv;
  private boolean slicing;
  private boolean tiling;

  /**
   * Creates the networks; their weights are loaded afterwards.
   *
   * @param config shapes and options
   */
  public AutoencoderKL(VaeConfig config) {
    this.config = config;
    int latent = config.latentChannels();
    encoder = child("encoder", new Encoder(config));
    decoder = child("decoder", new Decoder(config));
    quantConv =
        config.useQuantConv() ? child("quant_conv", new Conv2d(2 * latent, 2 * latent, 1)) : null;
    postQuantConv =
        config.usePostQuantConv() ? child("post_quant_conv", new Conv2d(latent, latent, 1)) : null;
  }

  /** {@return the networks' configuration} */
  public VaeConfig config() {
    return config;
  }

  /**
   * Encodes images to the moments of the posterior.
   *
   * @param images (B, 3, h, w), range -1..1
   * @return (B, 2C, H, W): mean, then logarithm of the variance, not clamped
   */
  public NDArray moments(NDArray images) {
    return split(images, tiles(true), this::momentsOf);
  }

  private NDArray momentsOf(NDArray images) {
    NDArray moments = encoder.apply(images);
    if (quantConv == null) {
      return moments;
    }
    try (moments) {
      return quantConv.apply(moments);
    }
  }

  /**
   * Splits moments.
   *
   * @param moments (B, 2C, H, W)
   * @return mean, logarithm of the variance clamped to -30..20, standard deviation
   */
  public NDList posterior(NDArray moments) {
    return POSTERIOR.callAll(moments);
  }

  @Override
  protected NDList call(NDList in) {
    NDArray latents = in.get(0);
    return new NDList(
        split(
            latents,
            tiles(false),
            part -> {
              NDArray z = narrowed(part);
              NDArray image = decoder.apply(postQuantConv == null ? z : postQuantConv.apply(z));
              return widened(image, in);
            }));
  }

  /** The images of a batch one after the other, and large ones in tiles, where that is chosen. */
  private NDArray split(NDArray batch, Tiling tiles, UnaryOperator<NDArray> network) {
    UnaryOperator<NDArray> each =
        part -> tiling && tiles.splits(part) ? tiles.apply(part, network) : network.apply(part);
    long count = batch.getShape().get(0);
    if (!slicing || count == 1) {
      return each.apply(batch);
    }
    NDList parts = new NDList();
    for (long i = 0; i < count; i++) {
      try (NDArray image = batch.get(i + ":" + (i + 1))) {
        parts.add(each.apply(image));
      }
    }
    return NDArrays.concat(parts, 0);
  }

  /** Tiles whose image has the size that the autoencoder was trained on. */
  private Tiling tiles(boolean ofImages) {
    int factor = config.downscaling();
    int latent = Math.max(4, config.sampleSize() / factor / 4 * 4);
    return ofImages ? new Tiling(latent * factor, latent) : new Tiling(latent, latent * factor);
  }

  /** Chooses how many threads decode a batch, and how many encode one. */
  @Override
  public void setWorkers(int workers) {
    super.setWorkers(workers);
    encoder.setWorkers(workers);
  }

  /**
   * Chooses how large inputs are split.
   *
   * @param slicing whether the images of a batch are taken one after the other
   * @param tiling whether images larger than {@link VaeConfig#sampleSize()} are taken in
   *     overlapping tiles
   */
  public void setSplitting(boolean slicing, boolean tiling) {
    this.slicing = slicing;
    this.tiling = tiling;
  }
}
