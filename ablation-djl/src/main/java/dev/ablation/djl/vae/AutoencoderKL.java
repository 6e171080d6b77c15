package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Conv2d;
import dev.ablation.djl.nn.Layer;
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
    NDArray z = in.get(0);
    return new NDList(decoder.apply(postQuantConv == null ? z : postQuantConv.apply(z)));
  }
}
