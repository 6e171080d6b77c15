package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import com.google.common.base.Preconditions;

/**
 * AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2) with PyTorch's order of
 * operations:
 *
 * <pre>{@code
 * p = p * (1 - lr * weightDecay)
 * m = beta1 * m + (1 - beta1) * g
 * v = beta2 * v + (1 - beta2) * g * g
 * p = p - lr * (m / (1 - beta1^k)) / (sqrt(v / (1 - beta2^k)) + epsilon)
 * }</pre>
 *
 * @param beta1 decay of the first moment, in [0, 1)
 * @param beta2 decay of the second moment, in [0, 1)
 * @param epsilon added to the denominator, positive
 * @param weightDecay not negative
 */
public record AdamW(double beta1, double beta2, double epsilon, double weightDecay) {

  /** Checks the ranges. */
  public AdamW {
    Preconditions.checkArgument(
        beta1 >= 0 && beta1 < 1, "beta1 must be at least 0 and below 1, was %s", beta1);
    Preconditions.checkArgument(
        beta2 >= 0 && beta2 < 1, "beta2 must be at least 0 and below 1, was %s", beta2);
    Preconditions.checkArgument(
        epsilon > 0 && Double.isFinite(epsilon), "epsilon must be positive, was %s", epsilon);
    Preconditions.checkArgument(
        weightDecay >= 0 && Double.isFinite(weightDecay),
        "weightDecay must not be negative, was %s",
        weightDecay);
  }

  /** {@return the reference implementation's settings: 0.9, 0.999, 1e-8, weight decay 0.01} */
  public static AdamW reference() {
    return new AdamW(0.9, 0.999, 1e-8, 0.01);
  }

  /**
   * Makes one step on one weight in place. This is the plain formula: the reference for the tests
   * of an engine's kernels, and usable by an adapter without kernels.
   *
   * @param weight p, any shape, float32
   * @param gradient g, of the same shape
   * @param first m
   * @param second v
   * @param learningRate lr
   * @param step k, 1 for the first step
   */
  public void update(
      NDArray weight,
      NDArray gradient,
      NDArray first,
      NDArray second,
      double learningRate,
      long step) {
    Preconditions.checkArgument(step > 0, "step must be positive, was %s", step);
    try (var scope = weight.getManager().newSubManager()) {
      NDArray g = gradient.duplicate();
      g.attach(scope);
      NDArray squared = g.square().muli(1 - beta2);
      squared.attach(scope);
      first.muli(beta1).addi(g.muli(1 - beta1));
      second.muli(beta2).addi(squared);
      NDArray corrected = second.div(1 - Math.pow(beta2, (double) step));
      corrected.attach(scope);
      NDArray denominator = corrected.sqrt().addi(epsilon);
      NDArray change =
          first.mul(learningRate / (1 - Math.pow(beta1, (double) step))).divi(denominator);
      change.attach(scope);
      weight.muli(1 - learningRate * weightDecay).subi(change);
    }
  }
}
