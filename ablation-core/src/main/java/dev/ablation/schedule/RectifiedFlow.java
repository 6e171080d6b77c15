package dev.ablation.schedule;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Objects;

/**
 * Rectified flow: the straight line from a sample to noise
 *
 * <pre>{@code x = (1 - sigma) x_0 + sigma e}</pre>
 *
 * (Liu et al. 2022, arXiv 2209.03003, equation 1; Lipman et al. 2022, arXiv 2210.02747), along
 * which the velocity is {@code e - x_0} ({@link PredictionType#FLOW}). Stable Diffusion 3 (Esser et
 * al. 2024, arXiv 2403.03206) and FLUX.1 are trained in this way.
 *
 * <p>The network's time is {@code timeScale * sigma}, float32 in arrays. The training times are
 * those of diffusers' {@code FlowMatchEulerDiscreteScheduler}: with n of them, the one of index i
 * has the level {@code (n - i) / n}, which {@link SigmaShift#ofTraining} shifts. Index 0 is pure
 * noise.
 *
 * <p>Immutable, without resources, safe for every thread. Each setter returns a copy.
 */
@CheckReturnValue
public final class RectifiedFlow implements NoiseSchedule {
  static final RectifiedFlow DEFAULT =
      new RectifiedFlow(1000, 1000, SigmaShift.none(), TimestepSampling.logitNormal(0, 1));

  private final double timeScale;
  private final int steps;
  private final SigmaShift shift;
  private final TimestepSampling timestepSampling;

  private RectifiedFlow(
      double timeScale, int steps, SigmaShift shift, TimestepSampling timestepSampling) {
    Preconditions.checkArgument(
        timeScale > 0 && Double.isFinite(timeScale),
        "timeScale must be positive and finite, was %s",
        timeScale);
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    this.timeScale = timeScale;
    this.steps = steps;
    this.shift = Objects.requireNonNull(shift, "shift");
    this.timestepSampling = Objects.requireNonNull(timestepSampling, "timestepSampling");
  }

  /** {@return the factor from sigma to the network's time; default 1000} */
  public double timeScale() {
    return timeScale;
  }

  /**
   * Changes the network's time.
   *
   * @param timeScale factor from sigma to the network's time, positive
   * @return a copy with the given time scale
   */
  public RectifiedFlow timeScale(double timeScale) {
    return new RectifiedFlow(timeScale, steps, shift, timestepSampling);
  }

  @Override
  public int steps() {
    return steps;
  }

  /**
   * Changes the number of training times.
   *
   * @param steps positive; default 1000
   * @return a copy with the given steps
   */
  public RectifiedFlow steps(int steps) {
    return new RectifiedFlow(timeScale, steps, shift, timestepSampling);
  }

  /** {@return how noise levels are shifted in training, and in sampling by default} */
  public SigmaShift shift() {
    return shift;
  }

  /**
   * Changes the shift of noise levels.
   *
   * @param shift such as {@code SigmaShift.constant(3)} of Stable Diffusion 3
   * @return a copy with the given shift
   */
  public RectifiedFlow shift(SigmaShift shift) {
    return new RectifiedFlow(timeScale, steps, shift, timestepSampling);
  }

  @Override
  public TimestepSampling timestepSampling() {
    return timestepSampling;
  }

  /**
   * Changes how training draws times.
   *
   * @param timestepSampling such as {@code TimestepSampling.uniform()}
   * @return a copy with the given timestep sampling
   */
  public RectifiedFlow timestepSampling(TimestepSampling timestepSampling) {
    return new RectifiedFlow(timeScale, steps, shift, timestepSampling);
  }

  @Override
  public double alpha(double time) {
    return 1 - sigma(time);
  }

  @Override
  public double sigma(double time) {
    Preconditions.checkArgument(
        time >= 0 && time <= timeScale, "time must be in [0, %s], was %s", timeScale, time);
    return time / timeScale;
  }

  /**
   * Returns the network's time at a noise level.
   *
   * @param sigma from 0 to 1
   * @return {@code timeScale * sigma}
   */
  public double timeOfSigma(double sigma) {
    Preconditions.checkArgument(sigma >= 0 && sigma <= 1, "sigma must be in [0, 1], was %s", sigma);
    return timeScale * sigma;
  }

  @Override
  public double minTime() {
    return 0;
  }

  @Override
  public double maxTime() {
    return timeScale;
  }

  @Override
  public double time(int index) {
    Preconditions.checkElementIndex(index, steps, "index");
    return timeOfSigma(shift.ofTraining((steps - index) / (double) steps));
  }

  /** {@return evenly spaced levels, shifted as in training} */
  @Override
  public double[] descendingTimes(double start, int count) {
    NoiseSchedules.checkDescent(start, count);
    double[] times = new double[count];
    for (int i = 0; i < count; i++) {
      times[i] = timeOfSigma(shift.ofTraining(start * (count - i) / count));
    }
    return times;
  }

  @Override
  public NDArray toArray(double[] times, NDManager scope) {
    return scope.create(NoiseSchedules.toFloats(times));
  }

  @Override
  public double[] toTimes(NDArray timesteps) {
    Preconditions.checkArgument(
        timesteps.getDataType() == DataType.FLOAT32,
        "timesteps: expected float32, was %s",
        timesteps.getDataType());
    float[] values = timesteps.toFloatArray();
    double[] times = new double[values.length];
    for (int i = 0; i < times.length; i++) {
      times[i] = values[i];
      Preconditions.checkArgument(
          times[i] >= 0 && times[i] <= timeScale,
          "timesteps must be in [0, %s], was %s",
          timeScale,
          times[i]);
    }
    return times;
  }

  @Override
  public boolean supports(PredictionType type) {
    return type != PredictionType.V_PREDICTION;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RectifiedFlow flow
        && timeScale == flow.timeScale
        && steps == flow.steps
        && shift.equals(flow.shift)
        && timestepSampling.equals(flow.timestepSampling);
  }

  @Override
  public int hashCode() {
    return Objects.hash(timeScale, steps, shift, timestepSampling);
  }

  /** {@return the kind and its settings} */
  @Override
  public String toString() {
    return "rectified_flow(timeScale=%s, steps=%s, shift=%s, sampling=%s)"
        .formatted(timeScale, steps, shift.name(), timestepSampling.name());
  }
}
