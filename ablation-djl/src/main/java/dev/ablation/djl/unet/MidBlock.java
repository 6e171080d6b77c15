package dev.ablation.djl.unet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.ResnetBlock2D;

/**
 * {@code UNetMidBlock2DCrossAttn}: residual block, transformer, residual block.
 *
 * <ul>
 *   <li>input x: (B, C, H, W); time embedding; text embeddings
 *   <li>output: (B, C, H, W)
 * </ul>
 */
final class MidBlock extends Layer {
  private final Transformer2DModel attention;
  private final ResnetBlock2D first;
  private final ResnetBlock2D second;

  MidBlock(UNetConfig config) {
    int level = config.levels() - 1;
    int channels = config.channels(level);
    attention =
        child(
            "attentions.0",
            new Transformer2DModel(
                channels, config.heads(level), config.transformerLayers(level), config));
    first =
        child(
            "resnets.0",
            new ResnetBlock2D(channels, channels, config.timeWidth(), config.midResnet()));
    second =
        child(
            "resnets.1",
            new ResnetBlock2D(channels, channels, config.timeWidth(), config.midResnet()));
  }

  Transformer2DModel attention() {
    return attention;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray time = in.get(1);
    NDArray x = first.apply(in.get(0), time);
    return new NDList(second.applyAndClose(attention.applyAndClose(x, in.get(2)), time));
  }
}
