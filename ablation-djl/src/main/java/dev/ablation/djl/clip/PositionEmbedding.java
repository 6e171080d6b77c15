package dev.ablation.djl.clip;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Weight;

/** Adds a learned vector for each position: (B, n, D), with n at most the number of positions. */
final class PositionEmbedding extends Layer {
  private static final Kernel ADD =
      Kernel.of("(x, w): return torch.add(x, torch.slice(w, 0, 0, x.size(1)))");

  private final Weight weight;

  PositionEmbedding(int positions, int width) {
    weight = weight("weight", positions, width);
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(ADD.call(in.get(0), weight.get()));
  }
}
