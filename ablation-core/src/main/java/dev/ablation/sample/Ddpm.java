package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Ancestral sampling of denoising diffusion probabilistic models (Ho et al. 2020, arXiv 2006.11239,
 * algorithm 2), over a subset of the timesteps. With a and a' the cumulative alphas of this step's
 * timestep and the next one's, and {@code beta = 1 - a / a'}, equation 7 gives
 *
 * <pre>{@code
 * x' = sqrt(a') beta / (1 - a) x0 + sqrt(a / a') (1 - a') / (1 - a) x + sqrt(v) noise
 * v  = (1 - a') / (1 - a) beta
 * }</pre>
 *
 * @param clipRange largest magnitude of the predicted clean sample, 0 for no limit; not used for
 *     latents
 * @param spacing how the timesteps are selected
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record Ddpm(double clipRange, TimestepSpacing spacing, int stepsOffset) implements Sampler {

  /** Checks the ranges. */
  public Ddpm {
    Settings.checkClipRange(clipRange);
    Objects.requireNonNull(spacing, "spacing");
    Settings.checkOffset(stepsOffset);
  }

  /**
   * Returns a variant with other timesteps.
   *
   * @param spacing how the timesteps are selected
   * @param stepsOffset added to the timesteps of leading spacing, not negative
   * @return the variant
   */
  public Ddpm spacing(TimestepSpacing spacing, int stepsOffset) {
    return new Ddpm(clipRange, spacing, stepsOffset);
  }

  @Override
  public String name() {
    return "ddpm";
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
        schedule,
        type,
        Timesteps.inclusive(spacing, stepsOffset, schedule.steps(), steps, false),
        clipRange);
  }

  private static final class Run extends TimestepRun {
    private static final double LEAST_VARIANCE = 1e-20;

    Run(
        VariancePreservingSchedule schedule,
        PredictionType type,
        double[] timesteps,
        double clipRange) {
      super(schedule, type, timesteps, clipRange);
    }

    @Override
    public boolean drawsNoise(int index) {
      return timesteps()[index] > 0;
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      double now = schedule().alphaCumprod(timestep(index));
      double then = index == steps() - 1 ? 1 : schedule().alphaCumprod(timestep(index + 1));
      double beta = 1 - now / then;
      try (NDArray original = predictOriginal(output, index, sample)) {
        WeightedSum sum =
            new WeightedSum(sample.getManager())
                .plus(Math.sqrt(then) * beta / (1 - now), original)
                .plus(Math.sqrt(now / then) * (1 - then) / (1 - now), sample);
        if (noise != null && drawsNoise(index)) {
          double variance = (1 - then) / (1 - now) * beta;
          sum.plus(Math.sqrt(Math.max(variance, LEAST_VARIANCE)), noise);
        }
        return sum.get();
      }
    }
  }
}
