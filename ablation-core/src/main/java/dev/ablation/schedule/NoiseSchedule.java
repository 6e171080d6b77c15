package dev.ablation.schedule;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * The variance schedule of the forward process
 *
 * <pre>{@code x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e}</pre>
 *
 * (Ho et al. 2020, arXiv 2006.11239, equation 4), where {@code a_t} is the cumulative product of
 * {@code 1 - beta} up to and including timestep t, and e is standard normal noise.
 *
 * <p>The values of {@code 1 - beta} and {@code a} are rounded to float32, since published networks
 * were trained with such numbers: at the first timesteps, where {@code 1 - a} is small, the noise
 * level depends on it in the fifth digit. Whatever follows from them is computed in double; arrays
 * are float32.
 *
 * <p>Immutable, without resources, safe for every thread.
 *
 * {@snippet class="dev.ablation.Snippets" region="schedule"}
 */
public final class NoiseSchedule {
  private static final double MAX_COSINE_BETA = 0.999;

  private final String description;
  private final double[] betas;
  private final double[] alphasCumprod;

  private NoiseSchedule(String description, double[] betas) {
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

  /** {@return the schedule of Stable Diffusion: scaled linear, 1000 steps, 0.00085 to 0.012} */
  public static NoiseSchedule stableDiffusion() {
    return scaledLinear(1000, 0.00085, 0.012);
  }

  /**
   * Returns the schedule whose betas grow linearly (Ho et al. 2020, section 4).
   *
   * @param steps number of timesteps, positive
   * @param betaStart beta of timestep 0, above 0
   * @param betaEnd beta of the last timestep, at most 1
   * @return the schedule
   * @throws IllegalArgumentException if a value is out of its range
   */
  public static NoiseSchedule linear(int steps, double betaStart, double betaEnd) {
    return between("linear", steps, betaStart, betaEnd, x -> x, x -> x);
  }

  /**
   * Returns the schedule in which the square roots of the betas grow linearly: the one of latent
   * diffusion (Rombach et al. 2022, arXiv 2112.10752; published as {@code scaled_linear}).
   *
   * @param steps number of timesteps, positive
   * @param betaStart beta of timestep 0, above 0
   * @param betaEnd beta of the last timestep, at most 1
   * @return the schedule
   * @throws IllegalArgumentException if a value is out of its range
   */
  public static NoiseSchedule scaledLinear(int steps, double betaStart, double betaEnd) {
    return between("scaled_linear", steps, betaStart, betaEnd, Math::sqrt, x -> x * x);
  }

  /**
   * Returns the cosine schedule (Nichol and Dhariwal 2021, arXiv 2102.09672, equation 17), betas
   * cut at 0.999 (published as {@code squaredcos_cap_v2}).
   *
   * @param steps number of timesteps, positive
   * @return the schedule
   * @throws IllegalArgumentException if {@code steps} is not positive
   */
  public static NoiseSchedule cosine(int steps) {
    checkSteps(steps);
    double[] betas = new double[steps];
    for (int t = 0; t < steps; t++) {
      double ratio = cosineAlpha((t + 1) / (double) steps) / cosineAlpha(t / (double) steps);
      betas[t] = Math.min(1 - ratio, MAX_COSINE_BETA);
    }
    return new NoiseSchedule("squaredcos_cap_v2(steps=" + steps + ")", betas);
  }

  /**
   * Returns a schedule of given betas.
   *
   * @param betas one for each timestep, above 0 and at most 1; copied
   * @return the schedule
   * @throws IllegalArgumentException if {@code betas} is empty or a value is out of range
   */
  public static NoiseSchedule ofBetas(double... betas) {
    return new NoiseSchedule("trained_betas(steps=" + betas.length + ")", betas.clone());
  }

  /**
   * Returns this schedule, stretched so that the last timestep holds noise alone (Lin et al. 2023,
   * arXiv 2305.08891, algorithm 1): the square roots of {@code a} are shifted and scaled so that
   * the first keeps its value and the last is 0. At a timestep with {@code a = 0} the noise tells
   * nothing about the sample, so a model of {@link PredictionType#EPSILON} cannot start there.
   *
   * @return the rescaled schedule
   */
  public NoiseSchedule rescaledToZeroTerminalSnr() {
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
    return new NoiseSchedule(description + "+zero_terminal_snr", rescaled);
  }

  /** {@return the number of timesteps that the model was trained with} */
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
   * Returns the signal-to-noise ratio {@code a_t / (1 - a_t)} (Kingma et al. 2021, arXiv
   * 2107.00630, section 3.1).
   *
   * @param timestep from 0 to {@code steps() - 1}
   * @return not negative; 0 where there is only noise
   * @throws IndexOutOfBoundsException if there is no such timestep
   */
  public double snr(int timestep) {
    double alpha = alphaCumprod(timestep);
    return alpha / (1 - alpha);
  }

  /**
   * Returns the noise level {@code sqrt((1 - a_t) / a_t)}: the noise's standard deviation when the
   * sample keeps its size (Karras et al. 2022, arXiv 2206.00364, table 1, "VP").
   *
   * @param timestep from 0 to {@code steps() - 1}
   * @return positive; infinite where there is only noise
   * @throws IndexOutOfBoundsException if there is no such timestep
   */
  public double sigma(int timestep) {
    double alpha = alphaCumprod(timestep);
    return Math.sqrt((1 - alpha) / alpha);
  }

  /**
   * Noises samples: {@code sqrt(a_t) x0 + sqrt(1 - a_t) noise} (Ho et al. 2020, equation 4).
   *
   * @param x0 clean samples, shape {@code (B, ...)}, float32
   * @param noise standard normal, shape of {@code x0}, float32
   * @param timesteps one for each sample, shape {@code (B)}, int64
   * @return noised samples, shape of {@code x0}, attached to the manager of {@code x0}
   * @throws IllegalArgumentException naming the argument, if a shape, a type or a timestep does not
   *     fit
   */
  public NDArray addNoise(NDArray x0, NDArray noise, NDArray timesteps) {
    long[] t = checkTimesteps(x0, timesteps);
    checkShape("noise", noise, x0);
    return combine(x0, weights(t, Math::sqrt), noise, weights(t, a -> Math.sqrt(1 - a)));
  }

  /**
   * Computes the velocity {@code sqrt(a_t) noise - sqrt(1 - a_t) x0} (Salimans and Ho 2022, arXiv
   * 2202.00512, section 4).
   *
   * @param x0 clean samples, shape {@code (B, ...)}, float32
   * @param noise the noise that was added, shape of {@code x0}, float32
   * @param timesteps one for each sample, shape {@code (B)}, int64
   * @return velocities, shape of {@code x0}, attached to the manager of {@code x0}
   * @throws IllegalArgumentException naming the argument, if a shape, a type or a timestep does not
   *     fit
   */
  public NDArray velocity(NDArray x0, NDArray noise, NDArray timesteps) {
    long[] t = checkTimesteps(x0, timesteps);
    checkShape("noise", noise, x0);
    return combine(x0, weights(t, a -> -Math.sqrt(1 - a)), noise, weights(t, Math::sqrt));
  }

  /**
   * Returns what a network of some prediction type should answer: the noise, the velocity or the
   * clean sample.
   *
   * @param type what the network predicts
   * @param x0 clean samples, shape {@code (B, ...)}, float32
   * @param noise the noise that was added, shape of {@code x0}, float32
   * @param timesteps one for each sample, shape {@code (B)}, int64
   * @return shape of {@code x0}, always a new array, attached to the manager of {@code x0}
   * @throws IllegalArgumentException naming the argument, if a shape, a type or a timestep does not
   *     fit
   */
  public NDArray target(PredictionType type, NDArray x0, NDArray noise, NDArray timesteps) {
    if (type == PredictionType.V_PREDICTION) {
      return velocity(x0, noise, timesteps);
    }
    checkTimesteps(x0, timesteps);
    checkShape("noise", noise, x0);
    NDArray target = type == PredictionType.EPSILON ? noise.duplicate() : x0.duplicate();
    target.attach(x0.getManager());
    return target;
  }

  /**
   * Computes the clean sample that a prediction stands for. From noise it is {@code (sample -
   * sqrt(1 - a_t) prediction) / sqrt(a_t)} (Ho et al. 2020, equation 15), from velocity {@code
   * sqrt(a_t) sample - sqrt(1 - a_t) prediction} (Salimans and Ho 2022, appendix D).
   *
   * @param type what the network predicts
   * @param sample noised samples, shape {@code (B, ...)}, float32
   * @param prediction the network's answer, shape of {@code sample}, float32
   * @param timesteps one for each sample, shape {@code (B)}, int64
   * @return predicted clean samples, shape of {@code sample}, always a new array, attached to the
   *     manager of {@code sample}
   * @throws IllegalArgumentException naming the argument, if a shape, a type or a timestep does not
   *     fit
   */
  public NDArray predictOriginal(
      PredictionType type, NDArray sample, NDArray prediction, NDArray timesteps) {
    long[] t = checkTimesteps(sample, timesteps);
    checkShape("prediction", prediction, sample);
    return combine(
        sample,
        weights(t, a -> type.sampleWeight(Math.sqrt(a), Math.sqrt(1 - a))),
        prediction,
        weights(t, a -> type.predictionWeight(Math.sqrt(a), Math.sqrt(1 - a))));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof NoiseSchedule schedule && Arrays.equals(betas, schedule.betas);
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

  private static NoiseSchedule between(
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
    return new NoiseSchedule(text, betas);
  }

  private static double cosineAlpha(double time) {
    double cosine = Math.cos((time + 0.008) / 1.008 * Math.PI / 2);
    return cosine * cosine;
  }

  private static void checkSteps(int steps) {
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
  }

  private static void checkShape(String name, NDArray array, NDArray like) {
    Preconditions.checkArgument(
        array.getShape().equals(like.getShape()),
        "%s: expected %s, was %s",
        name,
        like.getShape(),
        array.getShape());
  }

  private long[] checkTimesteps(NDArray samples, NDArray timesteps) {
    Shape shape = samples.getShape();
    Preconditions.checkArgument(shape.dimension() > 0, "samples: expected (B, ...), was %s", shape);
    Preconditions.checkArgument(
        timesteps.getShape().equals(new Shape(shape.get(0))),
        "timesteps: expected %s, was %s",
        new Shape(shape.get(0)),
        timesteps.getShape());
    Preconditions.checkArgument(
        timesteps.getDataType() == DataType.INT64,
        "timesteps: expected int64, was %s",
        timesteps.getDataType());
    long[] values = timesteps.toLongArray();
    for (long value : values) {
      Preconditions.checkArgument(
          value >= 0 && value < steps(), "timesteps must be in [0, %s), was %s", steps(), value);
    }
    return values;
  }

  private float[] weights(long[] timesteps, DoubleUnaryOperator ofAlpha) {
    float[] weights = new float[timesteps.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) ofAlpha.applyAsDouble(alphasCumprod[(int) timesteps[i]]);
    }
    return weights;
  }

  /** {@return xWeights * x + yWeights * y, one weight for each item of the first axis} */
  private static NDArray combine(NDArray x, float[] xWeights, NDArray y, float[] yWeights) {
    try (NDArray ofX = perItem(xWeights, x);
        NDArray ofY = perItem(yWeights, x);
        NDArray second = y.mul(ofY)) {
      return x.mul(ofX).addi(second);
    }
  }

  /** {@return the weights as an array that multiplies whole items of {@code like}} */
  private static NDArray perItem(float[] weights, NDArray like) {
    long[] sizes = new long[like.getShape().dimension()];
    Arrays.fill(sizes, 1);
    sizes[0] = weights.length;
    // A copy in the engine's memory: where gradients are recorded, the backward pass reads it after
    // its handle, and with it a Java buffer, is gone.
    try (NDArray array = like.getManager().create(weights, new Shape(sizes))) {
      return array.getDevice().equals(like.getDevice())
          ? array.duplicate()
          : array.toDevice(like.getDevice(), true);
    }
  }
}
