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
 * Euler's method in the noise level s (Karras et al. 2022, arXiv 2206.00364, algorithm 1 without
 * the second-order correction, equation 1): samples are {@code x0 + s noise}, and
 *
 * <pre>{@code x' = x + (s' - s) (x - x0) / s}</pre>
 *
 * Timesteps of linspace spacing are fractions; noise levels between timesteps are interpolated.
 *
 * @param karrasSigmas whether noise levels are spaced by equation 5 of the paper, between the first
 *     and the last one that {@code spacing} gives
 * @param finalSigma noise level after the last step
 * @param spacing how the timesteps are selected
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record Euler(
    boolean karrasSigmas, FinalSigma finalSigma, TimestepSpacing spacing, int stepsOffset)
    implements Sampler {

  /** Checks the ranges. */
  public Euler {
    Objects.requireNonNull(finalSigma, "finalSigma");
    Objects.requireNonNull(spacing, "spacing");
    Settings.checkOffset(stepsOffset);
  }

  /**
   * Returns a variant with or without Karras noise levels.
   *
   * @param karrasSigmas whether noise levels are spaced as by Karras et al.
   * @return the variant
   */
  public Euler karrasSigmas(boolean karrasSigmas) {
    return new Euler(karrasSigmas, finalSigma, spacing, stepsOffset);
  }

  /**
   * Returns a variant with other timesteps.
   *
   * @param spacing how the timesteps are selected
   * @param stepsOffset added to the timesteps of leading spacing, not negative
   * @return the variant
   */
  public Euler spacing(TimestepSpacing spacing, int stepsOffset) {
    return new Euler(karrasSigmas, finalSigma, spacing, stepsOffset);
  }

  @Override
  public String name() {
    return "euler";
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
    Sigmas table = new Sigmas(schedule);
    SolverGrid grid =
        SolverGrid.inclusive(table, karrasSigmas, spacing, stepsOffset, schedule.steps(), steps);
    return new Run(type, grid.timesteps(), table.endingWith(finalSigma, grid.sigmas()), spacing);
  }

  private static final class Run extends EulerRun {
    Run(PredictionType type, double[] timesteps, double[] sigmas, TimestepSpacing spacing) {
      super(type, timesteps, sigmas, spacing);
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      return towards(level(index + 1), output, index, sample).get();
    }
  }
}
