package dev.ablation.djl.unet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Downsample2D;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.ResnetBlock2D;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code DownBlock2D} and {@code CrossAttnDownBlock2D}: residual blocks, each followed by a
 * transformer where the block has attention, then a downsampler.
 *
 * <ul>
 *   <li>input x: (B, in, H, W); time embedding; text embeddings
 *   <li>outputs: the block's result, then the skip connections in the order in which they were made
 * </ul>
 */
final class DownBlock extends Layer {
  private final List<Transformer2DModel> attentions = new ArrayList<>();
  private final List<ResnetBlock2D> resnets = new ArrayList<>();
  private final @Nullable Downsample2D downsampler;

  DownBlock(int level, UNetConfig config) {
    int out = config.channels(level);
    int layers = config.layersPerBlock(level);
    boolean last = level == config.levels() - 1;
    if (config.downAttention(level)) {
      for (int i = 0; i < layers; i++) {
        attentions.add(
            child(
                "attentions." + i,
                new Transformer2DModel(
                    out, config.heads(level), config.transformerLayers(level), config)));
      }
    }
    for (int i = 0; i < layers; i++) {
      int in = i > 0 ? out : level == 0 ? out : config.channels(level - 1);
      resnets.add(
          child("resnets." + i, new ResnetBlock2D(in, out, config.timeWidth(), config.resnet())));
    }
    downsampler =
        last ? null : child("downsamplers.0", new Downsample2D(out, config.downsamplePadding()));
  }

  List<Transformer2DModel> attentions() {
    return attentions;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = in.get(0);
    NDArray time = in.get(1);
    NDArray text = in.get(2);
    NDList skips = new NDList();
    for (int i = 0; i < resnets.size(); i++) {
      x = resnets.get(i).apply(x, time);
      if (!attentions.isEmpty()) {
        x = attentions.get(i).applyAndClose(x, text);
      }
      skips.add(x);
    }
    if (downsampler != null) {
      x = downsampler.apply(x);
      skips.add(x);
    }
    NDList out = new NDList(x);
    out.addAll(skips);
    return out;
  }
}
