package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;

/**
 * Layer normalisation of the last axis without weights, whose scale and shift come from a condition
 * (Peebles and Xie 2023, arXiv 2212.09748, section 3.2).
 */
public final class PlainLayerNorm extends Layer {
  private static final Kernel MODULATE =
      Kernel.of(
          """
          (x, shift, scale):
              return torch.add(torch.mul(x, torch.add(torch.unsqueeze(scale, 1), 1)), torch.unsqueeze(shift, 1))\
          """);

  private final Kernel kernel;
  private final Kernel withModulation;

  /**
   * Creates a normalisation.
   *
   * @param width of the last axis
   * @param epsilon added to the variance
   */
  public PlainLayerNorm(int width, double epsilon) {
    kernel =
        Kernel.of(
            "(x): return torch.type_as(torch.layer_norm(torch.to(x, 6), [%d], None, None, %s), x)"
                .formatted(width, epsilon));
    withModulation =
        Kernel.of(
            """
            (x, shift, scale):
                y = torch.type_as(torch.layer_norm(torch.to(x, 6), [%d], None, None, %s), x)
                return torch.add(torch.mul(y, torch.add(torch.unsqueeze(scale, 1), 1)), torch.unsqueeze(shift, 1))\
            """
                .formatted(width, epsilon));
  }

  /**
   * Normalises and modulates, {@code norm(x) (1 + scale) + shift}, in one kernel if nothing
   * observes at the normalised values.
   *
   * @param x (B, N, width)
   * @param shift (B, width)
   * @param scale (B, width)
   * @return (B, N, width)
   */
  public NDArray modulated(NDArray x, NDArray shift, NDArray scale) {
    return isObserved()
        ? MODULATE.applyAndClose(apply(x), shift, scale)
        : withModulation.call(x, shift, scale);
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(kernel.call(in.get(0)));
  }
}
