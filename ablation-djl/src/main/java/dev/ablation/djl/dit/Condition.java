package dev.ablation.djl.dit;

import ai.djl.ndarray.NDArray;
import dev.ablation.djl.internal.kernel.Kernel;

/** How a condition acts on tokens. */
public final class Condition {
  /** Added to the variance by all normalisations of the transformers. */
  public static final double EPSILON = 1e-6;

  private static final Kernel ADD_GATED =
      Kernel.of("(y, x, g): return torch.addcmul(x, torch.unsqueeze(g, 1), y)");

  private Condition() {}

  /**
   * Adds a branch of a block, {@code x + gate y}.
   *
   * @param x (B, N, C), stays open
   * @param gate (B, C)
   * @param y (B, N, C), closed
   * @return (B, N, C)
   */
  public static NDArray addGated(NDArray x, NDArray gate, NDArray y) {
    return ADD_GATED.applyAndClose(y, x, gate);
  }
}
