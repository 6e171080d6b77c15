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
 * Strategic stochastic sampling of models that were distilled by trajectory consistency (Zheng et
 * al. 2024, arXiv 2402.19159, algorithm 4), in 2 to 8 steps: the network leads from timestep t to
 * timestep {@code s = floor((1 - gamma) t')} below the next one t', and fresh noise back up to t':
 *
 * <pre>{@code
 * y  = sqrt(a_s) x0 + sqrt(1 - a_s) e
 * x' = sqrt(a' / a_s) y + sqrt(1 - a' / a_s) noise
 * }</pre>
 *
 * The last step ends at timestep 0, without noise.
 *
 * @param gamma share of the way to 0 that is gone below the next timestep, from 0 (no noise) to 1;
 *     the paper's gamma, "eta" in the published pipelines
 * @param distilledSteps number of timesteps, evenly spaced, that the model was distilled on, of
 *     which the timesteps are chosen
 */
@CheckReturnValue
public record Tcd(double gamma, int distilledSteps) implements Sampler {

  /** Checks the ranges. */
  public Tcd {
    Preconditions.checkArgument(gamma >= 0 && gamma <= 1, "gamma must be in [0, 1], was %s", gamma);
    FewSteps.checkDistilled(distilledSteps);
  }

  /**
   * Returns a variant with more or less noise.
   *
   * @param gamma from 0 to 1
   * @return the variant
   */
  public Tcd gamma(double gamma) {
    return new Tcd(gamma, distilledSteps);
  }

  /**
   * Returns a variant for a model that was distilled on more or fewer timesteps.
   *
   * @param distilledSteps positive
   * @return the variant
   */
  public Tcd distilledSteps(int distilledSteps) {
    return new Tcd(gamma, distilledSteps);
  }

  @Override
  public String name() {
    return "tcd";
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
    return new Run(gamma, schedule, type, FewSteps.of(schedule.steps(), distilledSteps, steps));
  }

  private static final class Run extends TimestepRun {
    private final double gamma;

    Run(
        double gamma,
        VariancePreservingSchedule schedule,
        PredictionType type,
        double[] timesteps) {
      super(schedule, type, timesteps, 0);
      this.gamma = gamma;
    }

    @Override
    public boolean drawsNoise(int index) {
      Preconditions.checkElementIndex(index, steps(), "index");
      return gamma > 0 && index < steps() - 1;
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      int next = index < steps() - 1 ? timestep(index + 1) : 0;
      // In single precision, as the published implementation multiplies.
      int below = (int) ((float) (1 - gamma) * next);
      double then = schedule().alphaCumprod(below);
      double kept = schedule().alphaCumprod(next) / then;
      double factor = noise != null && drawsNoise(index) ? Math.sqrt(kept) : 1;
      try (NDArray original = predictOriginal(output, index, sample);
          NDArray predicted = predictNoise(output, sample, alpha(index), sigma(index))) {
        WeightedSum sum =
            new WeightedSum(sample.getManager())
                .plus(factor * Math.sqrt(then), original)
                .plus(factor * Math.sqrt(1 - then), predicted);
        if (noise != null && drawsNoise(index)) {
          sum.plus(Math.sqrt(1 - kept), noise);
        }
        return sum.get();
      }
    }
  }
}
