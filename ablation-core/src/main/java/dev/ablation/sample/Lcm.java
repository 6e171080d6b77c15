package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Multistep sampling of latent consistency models (Luo et al. 2023, arXiv 2310.04378, algorithm 3),
 * in 2 to 8 steps: the network leads from timestep t to the clean sample
 *
 * <pre>{@code
 * f  = c_skip x + c_out x0,  c_skip = 0.25 / ((10 t)^2 + 0.25),  c_out = 10 t / sqrt((10 t)^2 + 0.25)
 * }</pre>
 *
 * and fresh noise takes it to the next timestep, {@code x' = sqrt(a') f + sqrt(1 - a') noise}. The
 * last step ends at f. Images of models that were not distilled for it are blurred.
 *
 * @param distilledSteps number of timesteps, evenly spaced, that the model was distilled on, of
 *     which the timesteps are chosen
 * @param timestepScaling the factor 10 above
 * @param clipRange largest magnitude of the predicted clean sample, 0 for no limit; not used for
 *     latents
 */
@CheckReturnValue
public record Lcm(int distilledSteps, double timestepScaling, double clipRange) implements Sampler {
  /** The variance of the data in the scale of the boundary condition (Luo et al., appendix D). */
  private static final double DATA_VARIANCE = 0.25;

  /** Checks the ranges. */
  public Lcm {
    FewSteps.checkDistilled(distilledSteps);
    Preconditions.checkArgument(
        timestepScaling > 0 && Double.isFinite(timestepScaling),
        "timestepScaling must be positive and finite, was %s",
        timestepScaling);
    Settings.checkClipRange(clipRange);
  }

  /**
   * Returns a variant for a model that was distilled on more or fewer timesteps.
   *
   * @param distilledSteps positive
   * @return the variant
   */
  public Lcm distilledSteps(int distilledSteps) {
    return new Lcm(distilledSteps, timestepScaling, clipRange);
  }

  @Override
  public String name() {
    return "lcm";
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
    return new Run(this, schedule, type, FewSteps.of(schedule.steps(), distilledSteps, steps));
  }

  private static final class Run extends TimestepRun {
    private final double scaling;

    Run(
        Lcm settings,
        VariancePreservingSchedule schedule,
        PredictionType type,
        double[] timesteps) {
      super(schedule, type, timesteps, settings.clipRange);
      scaling = settings.timestepScaling;
    }

    @Override
    public boolean drawsNoise(int index) {
      Preconditions.checkElementIndex(index, steps(), "index");
      return index < steps() - 1;
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      double scaled = timestep(index) * scaling;
      double square = scaled * scaled + DATA_VARIANCE;
      double then = noise != null && drawsNoise(index) ? timestepAlpha(index + 1) : 1;
      try (NDArray original = predictOriginal(output, index, sample)) {
        WeightedSum sum =
            new WeightedSum(sample.getManager())
                .plus(Math.sqrt(then) * scaled / Math.sqrt(square), original)
                .plus(Math.sqrt(then) * DATA_VARIANCE / square, sample);
        if (noise != null && drawsNoise(index)) {
          sum.plus(Math.sqrt(1 - then), noise);
        }
        return sum.get();
      }
    }

    private double timestepAlpha(int index) {
      return schedule().alphaCumprod(timestep(index));
    }
  }
}
