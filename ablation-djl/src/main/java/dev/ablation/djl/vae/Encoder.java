package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.Conv2d;
import dev.ablation.djl.nn.GroupNorm;
import dev.ablation.djl.nn.Layer;
import java.util.ArrayList;
import java.util.List;

/** Images (B, 3, h, w) to moments (B, 2C, H, W). */
final class Encoder extends Layer {
  private final Conv2d convIn;
  private final List<EncoderBlock> downBlocks = new ArrayList<>();
  private final MidBlock midBlock;
  private final GroupNorm convNormOut;
  private final Conv2d convOut;

  Encoder(VaeConfig config) {
    List<Integer> channels = config.blockOutChannels();
    int last = channels.size() - 1;
    convIn = child("conv_in", new Conv2d(config.inChannels(), channels.get(0), 3));
    for (int i = 0; i <= last; i++) {
      int in = channels.get(Math.max(i - 1, 0));
      downBlocks.add(
          child("down_blocks." + i, new EncoderBlock(in, channels.get(i), i < last, config)));
    }
    midBlock = child("mid_block", new MidBlock(channels.get(last), config));
    convNormOut =
        child(
            "conv_norm_out",
            new GroupNorm(config.normNumGroups(), channels.get(last), VaeConfig.EPSILON));
    convOut = child("conv_out", new Conv2d(channels.get(last), 2 * config.latentChannels(), 3));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = convIn.apply(narrowed(in.get(0)));
    for (EncoderBlock block : downBlocks) {
      x = block.applyAndClose(x);
    }
    x = midBlock.applyAndClose(x);
    NDArray out = convOut.applyAndClose(convNormOut.applyThen(Activation.SILU, x));
    return new NDList(widened(out, in));
  }
}
