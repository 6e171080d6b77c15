package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.Conv2d;
import dev.ablation.djl.nn.GroupNorm;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Weight;
import java.util.ArrayList;
import java.util.List;

/** Images (B, 3, h, w) to one vector a patch, (B, D, h / patch, w / patch). */
abstract class PatchEmbedding extends Layer {
  static PatchEmbedding of(ClipVisionConfig config) {
    return config.stemChannels().isEmpty() ? new Plain(config) : new Stem(config);
  }

  /** A linear map of the patch's pixels, without bias. */
  private static final class Plain extends PatchEmbedding {
    private final Weight weight;
    private final Kernel kernel;

    Plain(ClipVisionConfig config) {
      int size = config.patchSize();
      weight = weight("weight", config.hiddenSize(), config.channels(), size, size);
      kernel = Kernel.of("(x, w): return torch.conv2d(x, w, None, [%1$d, %1$d])".formatted(size));
    }

    @Override
    protected NDList call(NDList in) {
      return new NDList(kernel.call(in.get(0), weight.get()));
    }
  }

  /** Convolutions that halve height and width, each normalised and activated, then a linear map. */
  private static final class Stem extends PatchEmbedding {
    private static final int GROUPS = 8;

    private final List<Conv2d> convolutions = new ArrayList<>();
    private final List<GroupNorm> norms = new ArrayList<>();
    private final Activation activation;
    private final Conv2d projection;

    Stem(ClipVisionConfig config) {
      activation = config.activation();
      int channels = config.channels();
      for (int i = 0; i < config.stemChannels().size(); i++) {
        int out = config.stemChannels().get(i);
        convolutions.add(child("convs." + i, new Conv2d(channels, out, 3, 2, 1)));
        norms.add(child("norms." + i, new GroupNorm(GROUPS, out, config.layerNormEps())));
        channels = out;
      }
      projection = child("projection", new Conv2d(channels, config.hiddenSize(), 1));
    }

    @Override
    protected NDList call(NDList in) {
      NDArray x = in.get(0);
      for (int i = 0; i < convolutions.size(); i++) {
        x = norms.get(i).applyThen(activation, convolutions.get(i).apply(x));
      }
      return new NDList(projection.apply(x));
    }
  }
}
