package dev.ablation.djl.dit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;

/**
 * Layer normalisation whose scale and shift come from the condition, with the gates of what follows
 * it ({@code AdaLayerNormZero}, {@code AdaLayerNormZeroSingle}, {@code SD35AdaLayerNormZeroX}).
 *
 * <ul>
 *   <li>inputs: tokens (B, N, C); condition (B, C)
 *   <li>outputs: normalised tokens (B, N, C), then vectors (B, C), as {@link Form} says
 * </ul>
 */
public final class AdaLayerNormZero extends Layer {
  /** What follows the normalisation. */
  public enum Form {
    /** One branch: the gate. */
    SINGLE(3, "(y, g1)"),

    /** Attention and feed-forward: gate; shift, scale and gate of the feed-forward. */
    ATTENTION_AND_FEED_FORWARD(6, "(y, g1, h2, s2, g2)"),

    /**
     * The same with a second attention: after the others come the tokens normalised for it and its
     * gate.
     */
    DUAL_ATTENTION(
        9,
        "(y, g1, h2, s2, g2, torch.add(torch.mul(n, torch.add(torch.unsqueeze(s3, 1), 1)),"
            + " torch.unsqueeze(h3, 1)), g3)");

    private final int parts;
    private final String outputs;

    Form(int parts, String outputs) {
      this.parts = parts;
      this.outputs = outputs;
    }

    private Kernel kernel(int width) {
      StringBuilder names = new StringBuilder("h1, s1, g1");
      for (int i = 2; i <= parts / 3; i++) {
        names.append(", h%1$d, s%1$d, g%1$d".formatted(i));
      }
      return Kernel.of(
          """
          (x, e):
              %s = torch.chunk(e, %d, 1)
              n = torch.type_as(torch.layer_norm(torch.to(x, 6), [%d], None, None, %s), x)
              y = torch.add(torch.mul(n, torch.add(torch.unsqueeze(s1, 1), 1)), torch.unsqueeze(h1, 1))
              return %s\
          """
              .formatted(names, parts, width, Condition.EPSILON, outputs));
    }
  }

  private final Linear linear;
  private final Kernel kernel;

  /**
   * Creates a normalisation.
   *
   * @param width C
   * @param form of the outputs
   */
  public AdaLayerNormZero(int width, Form form) {
    linear = child("linear", new Linear(width, form.parts * width));
    kernel = form.kernel(width);
  }

  @Override
  protected NDList call(NDList in) {
    NDArray parts = linear.applyAndClose(Kernels.SILU.call(in.get(1)));
    return kernel.callAll(in.get(0), parts);
  }
}
