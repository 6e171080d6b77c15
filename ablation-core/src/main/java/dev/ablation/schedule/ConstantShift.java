package dev.ablation.schedule;

import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;

/** One shift for every size. */
@CheckReturnValue
record ConstantShift(double factor) implements SigmaShift {

  ConstantShift {
    Preconditions.checkArgument(
        factor > 0 && Double.isFinite(factor), "factor must be positive, was %s", factor);
  }

  @Override
  public double ofSampling(double sigma, Shape latents, int steps) {
    return ofTraining(sigma);
  }

  @Override
  public double ofTraining(double sigma) {
    return factor * sigma / (1 + (factor - 1) * sigma);
  }

  @Override
  public String name() {
    return factor == 1 ? "none" : "constant(" + factor + ")";
  }
}
