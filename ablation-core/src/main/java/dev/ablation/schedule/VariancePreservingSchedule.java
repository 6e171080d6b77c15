package dev.ablation.schedule;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * The discrete variance schedule of the forward process
 *
 * <pre>{@code x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e}</pre>
 *
 * (Ho et al. 2020, arXiv 2006.11239, equation 4), where {@code a_t} is the cumulative product of
 * {@code 1 - beta} up to and including timestep t, and e is standard normal noise. Times are the
 * whole timesteps from 0 (nearly clean) to {@code steps() - 1} (nearly noise), int64 in arrays;
 * {@code alpha(t)^2 + sigma(t)^2 = 1}.
 *
 * <p>The values of {@code 1 - beta} and {@code a} are rounded to float32, since published networks
 * were trained with such numbers: at the first timesteps, where {@code 1 - a} is small, the noise
 * level depends on it in the fifth digit. Derived values are computed in double; arrays are
 * float32.
 *
 * <p>Immutable, without resources, safe for every thread. The factories are those of {@link
 * NoiseSchedule}.
 *
 * {@snippet class="dev.ablation.Snippets" region="schedule"}
 */
@CheckReturnValue
public final class VariancePreservingSchedule implements NoiseSchedule {
  private static final double MAX_COSINE_BETA = 0.999;

  private final String description;
  private final double[] betas;
  private final double[] alphasCumprod;

  private VariancePreservingSchedule(String description, double[] betas) {
    Preconditions.checkArgument(betas.length > 0, "betas must not be empty");
    this.description = description;
    this.betas = betas;
    alphasCumprod = new double[betas.length];
    double product = 1;
    for (int t = 0; t < betas.length; t++) {
      if (!(betas[t] > 0 && betas[t] <= 1)) {
        throw new IllegalArgumentException(
            "betas must be above 0 and at most 1, was " + betas[t] + " at timestep " + t);
      }
      product *= (float) (1 - betas[t]);
      alphasCumprod[t] = (float) product;
    }
  }

  static VariancePreservingSchedule linear(int steps, double betaStart, double betaEnd) {
    return between("linear", steps, betaStart, betaEnd, x -> x, x -> x);
  }

  static VariancePreservingSchedule scaledLinear(int steps, double betaStart, double betaEnd) {
    return between("scaled_linear", steps, betaStart, betaEnd, Math::sqrt, x -> x * x);
  }

  static VariancePreservingSchedule cosine(int steps) {
    checkSteps(steps);
    double[] betas = new double[steps];
    for (int t = 0; t < steps; t++) {
      double ratio = cosineAlpha((t + 1) / (double) steps) / cosineAlpha(t / (double) steps);
      betas[t] = Math.min(1 - ratio, MAX_COSINE_BETA);
    }
    return new VariancePreservingSchedule("squaredcos_cap_v2(steps=" + steps + ")", betas);
  }

  static VariancePreservingSchedule ofBetas(double... betas) {
    return new VariancePreservingSchedule(
        "trained_betas(steps=" + betas.length + ")", betas.clone());
  }

  /**
   * Returns this schedule, stretched so that the last timestep holds noise alone (Lin et al. 2023,
   * arXiv 2305.08891, algorithm 1): the square roots of {@code a} are shifted and scaled so that
   * the first keeps its value and the last is 0. At a timestep with {@code a = 0} the noise carries
   * no information about the sample, so a model of {@link PredictionType#EPSILON} cannot start
   * there.
   *
   * @return the rescaled schedule
   */
  public VariancePreservingSchedule rescaledToZeroTerminalSnr() {
    Preconditions.checkState(steps() > 1, "one timestep cannot be rescaled to zero terminal SNR");
    double first = Math.sqrt(alphasCumprod[0]);
    double last = Math.sqrt(alphasCumprod[steps() - 1]);
    double[] rescaled = new double[steps()];
    double previous = 1;
    for (int t = 0; t < steps(); t++) {
      double root = (Math.sqrt(alphasCumprod[t]) - last) * first / (first - last);
      rescaled[t] = 1 - root * root / previous;
      previous = root * root;
    }
    return new VariancePreservingSchedule(description + "+zero_terminal_snr", rescaled);
  }

  @Override
  public int steps() {
    return betas.length;
  }

  /**
   * Returns beta of a timestep.
   *
   * @param timestep from 0 to {@code steps() - 1}
   * @return above 0, at most 1
   * @throws IndexOutOfBoundsException if there is no such timestep
   */
  public double beta(int timestep) {
    Preconditions.checkElementIndex(timestep, steps(), "timestep");
    return betas[timestep];
  }

  /**
   * Returns {@code a_t}, the share of the sample's variance that is left at a timestep.
   *
   * @param timestep from 0 to {@code steps() - 1}
   * @return from 0 to below 1
   * @throws IndexOutOfBoundsException if there is no such timestep
   */
  public double alphaCumprod(int timestep) {
    Preconditions.checkElementIndex(timestep, steps(), "timestep");
    return alphasCumprod[timestep];
  }

  /**
   * Returns the noise level {@code sqrt((1 - a_t) / a_t)}: the noise's standard deviation when the
   * sample keeps its size (Karras et al. 2022, arXiv 2206.00364, table 1, "VP").
   *
   * @param timestep from 0 to {@code steps() - 1}
   * @return positive; infinite where there is only noise
   * @throws IndexOutOfBoundsException if there is no such timestep
   */
  public double noiseLevel(int timestep) {
    double alpha = alphaCumprod(timestep);
    return Math.sqrt((1 - alpha) / alpha);
  }

  @Override
  public double alpha(double time) {
    return Math.sqrt(alphaCumprod(timestep(time)));
  }

  @Override
  public double sigma(double time) {
    return Math.sqrt(1 - alphaCumprod(timestep(time)));
  }

  @Override
  public double snr(double time) {
    double alpha = alphaCumprod(timestep(time));
    return alpha / (1 - alpha);
  }

  private int timestep(double time) {
    int timestep = (int) time;
    if (timestep != time || timestep < 0 || timestep >= steps()) {
      throw new IllegalArgumentException(
          "time must be a whole timestep in [0, " + steps() + "), was " + time);
    }
    return timestep;
  }

  @Override
  public double minTime() {
    return 0;
  }

  @Override
  public double maxTime() {
    return steps() - 1;
  }

  @Override
  public double time(int index) {
    return Preconditions.checkElementIndex(index, steps(), "index");
  }

  @Override
  public double[] descendingTimes(double start, int count) {
    NoiseSchedules.checkDescent(start, count);
    long last = Math.round(start * (steps() - 1));
    int most = (int) Math.min(count, last + 1);
    double[] times = new double[most];
    for (int i = 0; i < most; i++) {
      times[i] = Math.round((double) last * (most - 1 - i) / Math.max(1, most - 1));
    }
    if (most == 1) {
      times[0] = last;
    }
    return times;
  }

  @Override
  public TimestepSampling timestepSampling() {
    return TimestepSampling.uniform();
  }

  /** {@return int64 if all times are whole; else float32, for samplers that use fractions} */
  @Override
  public NDArray toArray(double[] times, NDManager scope) {
    if (Arrays.stream(times).allMatch(time -> time == Math.rint(time))) {
      return scope.create(Arrays.stream(times).mapToLong(time -> (long) time).toArray());
    }
    return scope.create(NoiseSchedules.toFloats(times));
  }

  @Override
  public double[] toTimes(NDArray timesteps) {
    Preconditions.checkArgument(
        timesteps.getDataType() == DataType.INT64,
        "timesteps: expected int64, was %s",
        timesteps.getDataType());
    long[] values = timesteps.toLongArray();
    for (long value : values) {
      Preconditions.checkArgument(
          value >= 0 && value < steps(), "timesteps must be in [0, %s), was %s", steps(), value);
    }
    return Arrays.stream(values).asDoubleStream().toArray();
  }

  @Override
  public boolean supports(PredictionType type) {
    return type != PredictionType.FLOW;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof VariancePreservingSchedule schedule
        && Arrays.equals(betas, schedule.betas);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(betas);
  }

  /** {@return the kind and its settings, such as {@code scaled_linear(steps=1000, ...)}} */
  @Override
  public String toString() {
    return description;
  }

  private static VariancePreservingSchedule between(
      String kind,
      int steps,
      double betaStart,
      double betaEnd,
      DoubleUnaryOperator to,
      DoubleUnaryOperator from) {
    checkSteps(steps);
    Preconditions.checkArgument(
        betaStart > 0 && betaStart <= 1,
        "betaStart must be above 0 and at most 1, was %s",
        betaStart);
    Preconditions.checkArgument(
        betaEnd > 0 && betaEnd <= 1, "betaEnd must be above 0 and at most 1, was %s", betaEnd);
    double first = to.applyAsDouble(betaStart);
    double last = to.applyAsDouble(betaEnd);
    double[] betas = new double[steps];
    for (int t = 0; t < steps; t++) {
      double share = steps == 1 ? 0 : t / (double) (steps - 1);
      betas[t] = from.applyAsDouble(first + share * (last - first));
    }
    String text = kind + "(steps=" + steps + ", betas=" + betaStart + ".." + betaEnd + ")";
    return new VariancePreservingSchedule(text, betas);
  }

  private static double cosineAlpha(double time) {
    double cosine = Math.cos((time + 0.008) / 1.008 * Math.PI / 2);
    return cosine * cosine;
  }

  private static void checkSteps(int steps) {
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
  }
}
