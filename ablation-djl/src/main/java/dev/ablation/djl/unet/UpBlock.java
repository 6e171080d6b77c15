package dev.ablation.djl.unet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.ResnetBlock2D;
import dev.ablation.djl.nn.Upsample2D;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code UpBlock2D} and {@code CrossAttnUpBlock2D}: residual blocks that each take a skip
 * connection, followed by a transformer where the block has attention, then an upsampler.
 *
 * <ul>
 *   <li>input x: (B, in, H, W); time embedding; text embeddings; the block's skip connections in
 *       the order of use; where it upsamples, an array whose height and width it upsamples to
 *   <li>output: (B, out, 2H, 2W)
 * </ul>
 */
final class UpBlock extends Layer {
  private static final int FIXED_INPUTS = 3;

  private final List<Transformer2DModel> attentions = new ArrayList<>();
  private final List<ResnetBlock2D> resnets = new ArrayList<>();
  private final @Nullable Upsample2D upsampler;

  UpBlock(int index, UNetConfig config) {
    int level = config.levels() - 1 - index;
    int out = config.channels(level);
    int previous = config.channels(Math.min(level + 1, config.levels() - 1));
    int below = config.channels(Math.max(level - 1, 0));
    int layers = config.layersPerBlock(level) + 1;
    if (config.upAttention(index)) {
      for (int i = 0; i < layers; i++) {
        attentions.add(
            child(
                "attentions." + i,
                new Transformer2DModel(
                    out, config.heads(level), config.transformerLayers(level), config)));
      }
    }
    for (int i = 0; i < layers; i++) {
      int skip = i == layers - 1 ? below : out;
      int in = (i == 0 ? previous : out) + skip;
      resnets.add(
          child("resnets." + i, new ResnetBlock2D(in, out, config.timeWidth(), config.resnet())));
    }
    upsampler = level == 0 ? null : child("upsamplers.0", new Upsample2D(out));
  }

  List<Transformer2DModel> attentions() {
    return attentions;
  }

  /** Number of skip connections that a call consumes. */
  int skips() {
    return resnets.size();
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = in.get(0);
    NDArray time = in.get(1);
    NDArray text = in.get(2);
    for (int i = 0; i < resnets.size(); i++) {
      NDArray joined = Kernels.CONCAT_CHANNELS.call(x, in.get(FIXED_INPUTS + i));
      if (i > 0) {
        x.close();
      }
      x = resnets.get(i).applyAndClose(joined, time);
      if (!attentions.isEmpty()) {
        x = attentions.get(i).applyAndClose(x, text);
      }
    }
    if (upsampler != null) {
      x = upsampler.applyAndClose(x, in.get(FIXED_INPUTS + resnets.size()));
    }
    return new NDList(x);
  }
}
