package dev.ablation.sample;

import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.Arrays;

/** The noise levels {@code sqrt((1 - a) / a)} of a schedule, and ways to select some of them. */
final class Sigmas {
  /** The exponent of Karras et al. 2022, arXiv 2206.00364, section 3, table 1. */
  private static final double KARRAS_RHO = 7;

  /** Stands in for a = 0, so that the noise level of a zero terminal SNR is finite. */
  private static final double LEAST_ALPHA = 0x1p-24;

  private final double[] table;

  Sigmas(VariancePreservingSchedule schedule) {
    table = new double[schedule.steps()];
    for (int t = 0; t < table.length; t++) {
      table[t] =
          schedule.alphaCumprod(t) == 0
              ? Math.sqrt((1 - LEAST_ALPHA) / LEAST_ALPHA)
              : schedule.noiseLevel(t);
    }
  }

  double smallest() {
    return table[0];
  }

  double largest() {
    return table[table.length - 1];
  }

  /** {@return the noise levels at timesteps, interpolated linearly between whole ones} */
  double[] at(double[] timesteps) {
    double[] sigmas = new double[timesteps.length];
    for (int i = 0; i < sigmas.length; i++) {
      int low = (int) Math.floor(timesteps[i]);
      int high = Math.min(low + 1, table.length - 1);
      sigmas[i] = table[low] + (timesteps[i] - low) * (table[high] - table[low]);
    }
    return sigmas;
  }

  /**
   * {@return n noise levels from largest to smallest, evenly spaced in their 7th roots (Karras et
   * al. 2022, equation 5)}
   */
  static double[] karras(double largest, double smallest, int steps) {
    double first = Math.pow(largest, 1 / KARRAS_RHO);
    double last = Math.pow(smallest, 1 / KARRAS_RHO);
    double[] sigmas = new double[steps];
    for (int i = 0; i < steps; i++) {
      double share = steps == 1 ? 0 : i / (double) (steps - 1);
      sigmas[i] = Math.pow(first + share * (last - first), KARRAS_RHO);
    }
    return sigmas;
  }

  /** {@return n noise levels from largest to smallest, evenly spaced in their logarithms} */
  static double[] exponential(double largest, double smallest, int steps) {
    double[] sigmas = new double[steps];
    for (int i = 0; i < steps; i++) {
      double share = steps == 1 ? 0 : i / (double) (steps - 1);
      sigmas[i] = Math.exp(Math.log(largest) + share * (Math.log(smallest) - Math.log(largest)));
    }
    return sigmas;
  }

  /**
   * {@return the timesteps of noise levels, interpolated linearly in the logarithm of the level}
   */
  double[] timesteps(double[] sigmas) {
    double[] timesteps = new double[sigmas.length];
    for (int i = 0; i < timesteps.length; i++) {
      double log = Math.log(sigmas[i]);
      int low = 0;
      while (low < table.length - 2 && Math.log(table[low + 1]) <= log) {
        low++;
      }
      if (table.length == 1) {
        continue;
      }
      double below = Math.log(table[low]);
      double share = (log - below) / (Math.log(table[low + 1]) - below);
      timesteps[i] = low + Math.min(Math.max(share, 0), 1);
    }
    return timesteps;
  }

  /** {@return the noise levels followed by the final one} */
  double[] endingWith(FinalSigma end, double[] sigmas) {
    double[] all = Arrays.copyOf(sigmas, sigmas.length + 1);
    all[sigmas.length] = end == FinalSigma.ZERO ? 0 : smallest();
    return all;
  }
}
