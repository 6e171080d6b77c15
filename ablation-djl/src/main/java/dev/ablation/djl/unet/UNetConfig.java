package dev.ablation.djl.unet;

import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.ResnetBlock2D.ResnetSettings;
import java.util.List;

/**
 * Shapes and options of a UNet, as its {@code config.json} has them. Lists have one entry a level, from
 * the largest resolution to the smallest.
 *
 * @param inChannels channels of the noised latents
 * @param outChannels channels of the prediction
 * @param sampleSize height and width of the latents that the network was trained for
 * @param blockOutChannels channels of each level
 * @param downAttention whether each level of the way down has attention
 * @param upAttention whether each block of the way up has attention, from the smallest resolution
 * @param layersPerBlock residual blocks of each level on the way down; one more on the way up
 * @param crossAttentionDim D, the width of a text state
 * @param attentionHeads number of heads of each level (the published key is {@code
 *     attention_head_dim}, a historic misnomer)
 * @param transformerLayersPerBlock transformer layers of each level
 * @param useLinearProjection whether transformers project tokens instead of pixels
 * @param normNumGroups groups of the group normalisations
 * @param normEps of the group normalisations outside transformers
 * @param activation of residual blocks and time embedding
 * @param flipSinToCos whether cosines come first in the time features
 * @param freqShift of the time features
 * @param downsamplePadding of the downsampling convolutions
 * @param midBlockScaleFactor divides the sums of the middle block
 * @param convInKernel size of the first convolution
 * @param convOutKernel size of the last convolution
 * @param timeWidth width of the time embedding
 */
public record UNetConfig(
    int inChannels,
    int outChannels,
    int sampleSize,
    List<Integer> blockOutChannels,
    List<Boolean> downAttention,
    List<Boolean> upAttention,
    List<Integer> layersPerBlock,
    int crossAttentionDim,
    List<Integer> attentionHeads,
    List<Integer> transformerLayersPerBlock,
    boolean useLinearProjection,
    int normNumGroups,
    double normEps,
    Activation activation,
    boolean flipSinToCos,
    double freqShift,
    int downsamplePadding,
    double midBlockScaleFactor,
    int convInKernel,
    int convOutKernel,
    int timeWidth) {

  /** Copies the lists. */
  public UNetConfig {
    blockOutChannels = List.copyOf(blockOutChannels);
    downAttention = List.copyOf(downAttention);
    upAttention = List.copyOf(upAttention);
    layersPerBlock = List.copyOf(layersPerBlock);
    attentionHeads = List.copyOf(attentionHeads);
    transformerLayersPerBlock = List.copyOf(transformerLayersPerBlock);
  }

  int levels() {
    return blockOutChannels.size();
  }

  int channels(int level) {
    return blockOutChannels.get(level);
  }

  int layersPerBlock(int level) {
    return layersPerBlock.get(level);
  }

  int heads(int level) {
    return attentionHeads.get(level);
  }

  int transformerLayers(int level) {
    return transformerLayersPerBlock.get(level);
  }

  boolean downAttention(int level) {
    return downAttention.get(level);
  }

  boolean upAttention(int index) {
    return upAttention.get(index);
  }

  ResnetSettings resnet() {
    return new ResnetSettings(normNumGroups, normEps, activation, 1);
  }

  ResnetSettings midResnet() {
    return new ResnetSettings(normNumGroups, normEps, activation, midBlockScaleFactor);
  }
}
