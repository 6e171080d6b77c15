package dev.ablation.schedule;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;

/**
 * The variance schedule of the forward process {@code x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e} (Ho et al. 2020, arXiv
 * 2006.11239, equation 4), with {@code a_t} the cumulative product of {@code 1 - beta}. Immutable.
 */
public final class NoiseSchedule {
  private final double[] alphasCumprod;

  private NoiseSchedule(double[] betas) {
    alphasCumprod = new double[betas.length];
    double product = 1;
    for (int t = 0; t < betas.length; t++) {
      product *= 1 - betas[t];
      alphasCumprod[t] = product;
    }
  }

  public static NoiseSchedule ofBetas(double[] betas) {
    return new NoiseSchedule(betas);
  }

  public int steps() {
    return alphasCumprod.length;
  }

  public double alphaCumprod(int timestep) {
    Preconditions.checkElementIndex(timestep, steps(), "timestep");
    return alphasCumprod[timestep];
  }
}
