package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.Conv2d;
import dev.ablation.djl.nn.GroupNorm;
import dev.ablation.djl.nn.Layer;
import java.util.ArrayList;
import java.util.List;

/** Latents (B, C, H, W) to images (B, 3, h, w). */
final class Decoder extends Layer {
  private final Conv2d convIn;
  private final List<DecoderBlock> upBlocks = new ArrayList<>();
  private final MidBlock midBlock;
  private final GroupNorm convNormOut;
  private final Conv2d convOut;

  Decoder(VaeConfig config) {
    List<Integer> channels = config.blockOutChannels();
    int last = channels.size() - 1;
    convIn = child("conv_in", new Conv2d(config.latentChannels(), channels.get(last), 3));
    for (int i = 0; i <= last; i++) {
      int in = channels.get(Math.min(last - i + 1, last));
      upBlocks.add(
          child("up_blocks." + i, new DecoderBlock(in, channels.get(last - i), i < last, config)));
    }
    midBlock = child("mid_block", new MidBlock(channels.get(last), config));
    convNormOut =
        child(
            "conv_norm_out",
            new GroupNorm(config.normNumGroups(), channels.get(0), VaeConfig.EPSILON));
    convOut = child("conv_out", new Conv2d(channels.get(0), config.outChannels(), 3));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = midBlock.applyAndClose(convIn.apply(in.get(0)));
    for (DecoderBlock block : upBlocks) {
      x = block.applyAndClose(x);
    }
    return new NDList(convOut.applyAndClose(convNormOut.applyThen(Activation.SILU, x)));
  }
}
