package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.ResnetBlock2D;
import org.jspecify.annotations.Nullable;

/** {@code UNetMidBlock2D}: residual block, attention where there is one, residual block. */
final class MidBlock extends Layer {
  private final @Nullable PixelAttention attention;
  private final ResnetBlock2D first;
  private final ResnetBlock2D second;

  MidBlock(int channels, VaeConfig config) {
    attention =
        config.midAttention()
            ? child("attentions.0", new PixelAttention(channels, config.normNumGroups()))
            : null;
    first = child("resnets.0", new ResnetBlock2D(channels, channels, 0, config.resnet()));
    second = child("resnets.1", new ResnetBlock2D(channels, channels, 0, config.resnet()));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = first.apply(in.get(0));
    return new NDList(second.applyAndClose(attention == null ? x : attention.applyAndClose(x)));
  }
}
