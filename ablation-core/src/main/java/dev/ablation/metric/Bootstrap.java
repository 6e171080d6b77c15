package dev.ablation.metric;

import com.google.common.base.Preconditions;
import dev.ablation.random.RandomStreams;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Confidence intervals of a mean by the percentile bootstrap (Efron 1979), which computes the mean
 * of many samples drawn with replacement from the values.
 *
 * {@snippet class="dev.ablation.Snippets" region="bootstrap"}
 *
 * @param resamples number of samples, at least 100
 * @param level confidence level, between 0 and 1
 * @param seed seed of the samples
 */
public record Bootstrap(int resamples, double level, long seed) {

  /** Checks the ranges. */
  public Bootstrap {
    Preconditions.checkArgument(
        resamples >= 100, "resamples must be at least 100, was %s", resamples);
    Preconditions.checkArgument(
        level > 0 && level < 1, "level must be between 0 and 1, was %s", level);
  }

  /** {@return 1000 resamples, level 0.95, seed 0} */
  public static Bootstrap defaults() {
    return new Bootstrap(1000, 0.95, 0);
  }

  /**
   * Returns an interval for the mean of the values.
   *
   * @param values the values, at least one
   * @return the interval
   */
  public ConfidenceInterval ofMean(double[] values) {
    Preconditions.checkArgument(values.length > 0, "values must not be empty");
    double[] means = new double[resamples];
    RandomGenerator random = RandomStreams.stream(seed, "bootstrap", values.length);
    for (int i = 0; i < resamples; i++) {
      double sum = 0;
      for (int k = 0; k < values.length; k++) {
        sum += values[random.nextInt(values.length)];
      }
      means[i] = sum / values.length;
    }
    Arrays.sort(means);
    return new ConfidenceInterval(
        quantile(means, (1 - level) / 2),
        quantile(means, (1 + level) / 2),
        level,
        "bootstrap, " + resamples + " resamples");
  }

  /**
   * Returns an interval for a proportion. If all values are equal, so is every bootstrap sample,
   * and the interval would have width 0; this method then returns Wilson's interval (1927) instead.
   *
   * @param hits values of 0 or 1, at least one
   * @return the interval
   */
  public ConfidenceInterval ofShare(double[] hits) {
    Preconditions.checkArgument(hits.length > 0, "values must not be empty");
    for (double hit : hits) {
      Preconditions.checkArgument(hit == 0 || hit == 1, "hits must be 0 or 1, was %s", hit);
    }
    double count = hits.length;
    double sum = Arrays.stream(hits).sum();
    if (sum > 0 && sum < count) {
      return ofMean(hits);
    }
    double z = normalQuantile((1 + level) / 2);
    double width = z * z / (count + z * z);
    return sum == 0
        ? new ConfidenceInterval(0, width, level, "Wilson")
        : new ConfidenceInterval(1 - width, 1, level, "Wilson");
  }

  /** Linear interpolation between order statistics. */
  private static double quantile(double[] sorted, double share) {
    double at = share * (sorted.length - 1);
    int below = (int) at;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  /** By bisection on the distribution function, which is fast enough for a few calls. */
  private static double normalQuantile(double share) {
    double low = 0;
    double high = 40;
    for (int i = 0; i < 100; i++) {
      double middle = (low + high) / 2;
      if (normalDistribution(middle) < share) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** For x >= 0, by the series of Abramowitz and Stegun 26.2.11, or its limit. */
  private static double normalDistribution(double x) {
    if (x > 8) {
      return 1;
    }
    double term = x;
    double sum = x;
    for (int k = 3; term > 1e-17 * sum; k += 2) {
      term *= x * x / k;
      sum += term;
    }
    return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }
}
