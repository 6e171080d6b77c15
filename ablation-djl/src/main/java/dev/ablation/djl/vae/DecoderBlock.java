package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.ResnetBlock2D;
import dev.ablation.djl.nn.Upsample2D;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code UpDecoderBlock2D}: residual blocks, then an upsampler on all levels but the last. */
final class DecoderBlock extends Layer {
  private final List<ResnetBlock2D> resnets = new ArrayList<>();
  private final @Nullable Upsample2D upsampler;

  DecoderBlock(int in, int out, boolean upsample, VaeConfig config) {
    for (int i = 0; i <= config.layersPerBlock(); i++) {
      resnets.add(
          child("resnets." + i, new ResnetBlock2D(i == 0 ? in : out, out, 0, config.resnet())));
    }
    upsampler = upsample ? child("upsamplers.0", new Upsample2D(out)) : null;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = resnets.get(0).apply(in.get(0));
    for (ResnetBlock2D resnet : resnets.subList(1, resnets.size())) {
      x = resnet.applyAndClose(x);
    }
    return new NDList(upsampler == null ? x : upsampler.applyAndClose(x));
  }
}
