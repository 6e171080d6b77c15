package dev.ablation.djl.dit;

import ai.djl.ndarray.NDArray;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Precision;
import org.jspecify.annotations.Nullable;

/**
 * Attention over (B, N, C), after the heads were turned by their positions where these are given.
 */
final class HeadAttention {
  private final AttentionSettings settings;
  private final Kernel rotate;
  private Kernel attention;

  HeadAttention(AttentionSettings settings) {
    this.settings = settings;
    rotate = rotation(settings.headWidth());
    attention = Kernels.attention(settings.heads(), false);
  }

  /**
   * Rotary embedding {@code (x, cos, sin)} (Su et al. 2021, arXiv 2104.09864, equation 34) of
   * neighbouring pairs; cos and sin are (N, width of a head).
   */
  private static Kernel rotation(int headWidth) {
    return Kernel.of(
        """
        (x, c, s):
            x1 = torch.to(torch.reshape(x, [x.size(0), x.size(1), -1, %1$d]), 6)
            a, b = torch.unbind(torch.reshape(x1, [x.size(0), x.size(1), -1, %1$d // 2, 2]), -1)
            r = torch.flatten(torch.stack([torch.neg(b), a], -1), 3)
            y = torch.add(torch.mul(x1, torch.unsqueeze(c, 1)), torch.mul(r, torch.unsqueeze(s, 1)))
            return torch.type_as(torch.flatten(y, 2), x)\
        """
            .formatted(headWidth));
  }

  void use(Precision precision) {
    attention =
        precision == Precision.BF16_MATMUL
            ? Kernels.attentionInBfloat16(settings.heads(), settings.headWidth())
            : Kernels.attention(settings.heads(), false);
  }

  /** Closes queries, keys and values. */
  NDArray attend(
      NDArray q, NDArray k, NDArray v, @Nullable NDArray cosines, @Nullable NDArray sines) {
    if (cosines != null && sines != null) {
      q = rotate.applyAndClose(q, cosines, sines);
      k = rotate.applyAndClose(k, cosines, sines);
    }
    NDArray out = attention.applyAndClose(q, k, v);
    k.close();
    v.close();
    return out;
  }
}
