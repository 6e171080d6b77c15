package dev.ablation.djl.vae;

import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.ResnetBlock2D.ResnetSettings;
import java.util.List;

/**
 * Shapes and options of an autoencoder, as its {@code config.json} has them.
 *
 * @param inChannels channels of a picture
 * @param outChannels channels of a decoded picture
 * @param latentChannels channels of the latents
 * @param blockOutChannels channels of each level, from the largest resolution to the smallest
 * @param layersPerBlock residual blocks of each encoder level; one more in the decoder
 * @param normNumGroups groups of the group normalisations
 * @param activation of the residual blocks
 * @param midAttention whether the middle blocks have attention
 * @param useQuantConv whether the encoder ends in a 1x1 convolution of the moments
 * @param usePostQuantConv whether the decoder begins with a 1x1 convolution
 * @param scalingFactor latents are multiplied by it for the denoising network
 * @param shiftFactor subtracted from the latents before scaling
 */
public record VaeConfig(
    int inChannels,
    int outChannels,
    int latentChannels,
    List<Integer> blockOutChannels,
    int layersPerBlock,
    int normNumGroups,
    Activation activation,
    boolean midAttention,
    boolean useQuantConv,
    boolean usePostQuantConv,
    double scalingFactor,
    double shiftFactor) {
  static final double EPSILON = 1e-6;

  /** Copies the list. */
  public VaeConfig {
    blockOutChannels = List.copyOf(blockOutChannels);
  }

  /** Returns how many pixels of a picture one latent pixel covers in each direction. */
  public int downscaling() {
    return 1 << (blockOutChannels.size() - 1);
  }

  ResnetSettings resnet() {
    return new ResnetSettings(normNumGroups, EPSILON, activation, 1);
  }
}
