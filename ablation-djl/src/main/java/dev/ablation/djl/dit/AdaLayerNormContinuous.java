package dev.ablation.djl.dit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;

/**
 * Layer normalisation whose scale and shift, in this order, come from the condition, without a
 * gate.
 *
 * <ul>
 *   <li>inputs: tokens (B, N, C); condition (B, C)
 *   <li>output: (B, N, C)
 * </ul>
 */
public final class AdaLayerNormContinuous extends Layer {
  private final Linear linear;
  private final Kernel kernel;

  /**
   * Creates a normalisation.
   *
   * @param width C
   */
  public AdaLayerNormContinuous(int width) {
    linear = child("linear", new Linear(width, 2 * width));
    kernel =
        Kernel.of(
            """
            (x, e):
                s, h = torch.chunk(torch.unsqueeze(e, 1), 2, 2)
                n = torch.type_as(torch.layer_norm(torch.to(x, 6), [%d], None, None, %s), x)
                return torch.add(torch.mul(n, torch.add(s, 1)), h)\
            """
                .formatted(width, Condition.EPSILON));
  }

  @Override
  protected NDList call(NDList in) {
    NDArray parts = linear.applyAndClose(Kernels.SILU.call(in.get(1)));
    return new NDList(kernel.call(in.get(0), parts));
  }
}
