package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Downsample2D;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.ResnetBlock2D;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code DownEncoderBlock2D}: residual blocks, then a downsampler on all levels but the last. */
final class EncoderBlock extends Layer {
  private final List<ResnetBlock2D> resnets = new ArrayList<>();
  private final @Nullable Downsample2D downsampler;

  EncoderBlock(int in, int out, boolean downsample, VaeConfig config) {
    for (int i = 0; i < config.layersPerBlock(); i++) {
      resnets.add(
          child("resnets." + i, new ResnetBlock2D(i == 0 ? in : out, out, 0, config.resnet())));
    }
    downsampler = downsample ? child("downsamplers.0", new Downsample2D(out, 0)) : null;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = resnets.get(0).apply(in.get(0));
    for (ResnetBlock2D resnet : resnets.subList(1, resnets.size())) {
      x = resnet.applyAndClose(x);
    }
    return new NDList(downsampler == null ? x : downsampler.applyAndClose(x));
  }
}
