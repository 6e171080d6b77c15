package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Denoising diffusion implicit models (Song et al. 2021, arXiv 2010.02502). With a and a' the
 * cumulative alphas of timestep t and of {@code t - T/n}, equation 12 gives
 *
 * <pre>{@code
 * x' = sqrt(a') x0 + sqrt(1 - a' - s^2) e + s noise
 * s  = eta sqrt((1 - a') / (1 - a)) sqrt(1 - a / a')        (equation 16)
 * }</pre>
 *
 * @param eta share of DDPM's noise, from 0 (none: the initial noise determines everything) to 1
 * @param setAlphaToOne whether a' after the last step is 1; otherwise it is that of timestep 0
 * @param clipRange largest magnitude of the predicted clean sample, 0 for no limit; not used for
 *     latents
 * @param spacing how the timesteps are selected
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record Ddim(
    double eta, boolean setAlphaToOne, double clipRange, TimestepSpacing spacing, int stepsOffset)
    implements Sampler {

  /** Checks the ranges. */
  public Ddim {
    Preconditions.checkArgument(eta >= 0 && eta <= 1, "eta must be in [0, 1], was %s", eta);
    Settings.checkClipRange(clipRange);
    Objects.requireNonNull(spacing, "spacing");
    Settings.checkOffset(stepsOffset);
  }

  /**
   * Returns a variant with more or less noise.
   *
   * @param eta from 0 to 1
   * @return the variant
   */
  public Ddim eta(double eta) {
    return new Ddim(eta, setAlphaToOne, clipRange, spacing, stepsOffset);
  }

  /**
   * Returns a variant with other timesteps.
   *
   * @param spacing how the timesteps are selected
   * @param stepsOffset added to the timesteps of leading spacing, not negative
   * @return the variant
   */
  public Ddim spacing(TimestepSpacing spacing, int stepsOffset) {
    return new Ddim(eta, setAlphaToOne, clipRange, spacing, stepsOffset);
  }

  @Override
  public String name() {
    return "ddim";
  }

  @Override
  public Map<String, Object> settings() {
    return Settings.of(this);
  }

  @Override
  public boolean supports(NoiseSchedule schedule, PredictionType type) {
    return Settings.isVariancePreserving(schedule, type);
  }

  @Override
  public SamplerRun start(
      NoiseSchedule noiseSchedule, PredictionType type, int steps, Shape latents) {
    VariancePreservingSchedule schedule = Settings.variancePreserving(this, noiseSchedule, type);
    return new Run(
        this,
        schedule,
        type,
        Timesteps.inclusive(spacing, stepsOffset, schedule.steps(), steps, false));
  }

  private static final class Run extends TimestepRun {
    private final Ddim settings;

    Run(
        Ddim settings,
        VariancePreservingSchedule schedule,
        PredictionType type,
        double[] timesteps) {
      super(schedule, type, timesteps, settings.clipRange);
      this.settings = settings;
    }

    @Override
    public boolean drawsNoise(int index) {
      Preconditions.checkElementIndex(index, steps(), "index");
      return settings.eta > 0;
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      int previous = timestep(index) - schedule().steps() / steps();
      double now = schedule().alphaCumprod(timestep(index));
      double last = settings.setAlphaToOne ? 1 : schedule().alphaCumprod(0);
      double then = previous >= 0 ? schedule().alphaCumprod(previous) : last;
      double variance = (1 - then) / (1 - now) * (1 - now / then);
      double deviation = settings.eta * Math.sqrt(variance);
      double direction = Math.sqrt(Math.max(0, 1 - then - deviation * deviation));
      try (NDArray original = predictOriginal(output, index, sample);
          NDArray predicted = predictNoise(output, sample, alpha(index), sigma(index))) {
        WeightedSum sum =
            new WeightedSum(sample.getManager())
                .plus(Math.sqrt(then), original)
                .plus(direction, predicted);
        if (noise != null && drawsNoise(index)) {
          sum.plus(deviation, noise);
        }
        return sum.get();
      }
    }
  }
}
