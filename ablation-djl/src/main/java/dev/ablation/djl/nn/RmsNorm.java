package dev.ablation.djl.nn;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;

/**
 * Root-mean-square normalisation, {@code x / sqrt(mean(x^2) + epsilon) * weight}, without mean and
 * bias (Zhang and Sennrich 2019, arXiv 1910.07467, equation 4): weight (width). A last axis of
 * several times the width is normalised piece by piece, as the heads of an attention are.
 */
public final class RmsNorm extends Layer {
  private final Weight weight;
  private final Kernel kernel;

  /**
   * Creates a normalisation.
   *
   * @param width of what is normalised together, a divisor of the last axis
   * @param epsilon added to the mean square
   */
  public RmsNorm(int width, double epsilon) {
    weight = weight("weight", width);
    kernel =
        Kernel.of(
            """
            (x, w):
                y = torch.rms_norm(torch.reshape(torch.to(x, 6), [-1, %1$d]), [%1$d], torch.to(w, 6), %2$s)
                return torch.type_as(torch.reshape(y, torch.size(x)), x)\
            """
                .formatted(width, epsilon));
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(kernel.call(in.get(0), weight.operand()));
  }
}
