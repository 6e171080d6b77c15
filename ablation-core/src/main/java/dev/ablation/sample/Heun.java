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
 * Heun's method in the noise level s (Karras et al. 2022, arXiv 2206.00364, algorithm 1 without
 * churn): each step of {@link Euler} is corrected with the slope at its end,
 *
 * <pre>{@code x' = x + (s' - s) ((x - x0(x, s)) / s + (e - x0(e, s')) / s') / 2}</pre>
 *
 * where e is the end of Euler's step. The last step, to s = 0, is not corrected, so n steps call
 * the network 2n - 1 times, and a run has as many.
 *
 * @param karrasSigmas whether noise levels are spaced by equation 5 of the paper, between the first
 *     and the last one that {@code spacing} gives
 * @param spacing how the timesteps are picked
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record Heun(boolean karrasSigmas, TimestepSpacing spacing, int stepsOffset)
    implements Sampler {

  /** Checks the ranges. */
  public Heun {
    Objects.requireNonNull(spacing, "spacing");
    Settings.checkOffset(stepsOffset);
  }

  /**
   * Returns a variant with or without Karras noise levels.
   *
   * @param karrasSigmas whether noise levels are spaced as by Karras et al.
   * @return the variant
   */
  public Heun karrasSigmas(boolean karrasSigmas) {
    return new Heun(karrasSigmas, spacing, stepsOffset);
  }

  /**
   * Returns a variant with other timesteps.
   *
   * @param spacing how the timesteps are picked
   * @param stepsOffset added to the timesteps of leading spacing, not negative
   * @return the variant
   */
  public Heun spacing(TimestepSpacing spacing, int stepsOffset) {
    return new Heun(karrasSigmas, spacing, stepsOffset);
  }

  @Override
  public String name() {
    return "heun";
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
    return new Run(
        type,
        twice(grid.timesteps()),
        table.endingWith(FinalSigma.ZERO, twice(grid.sigmas())),
        spacing);
  }

  /** Every value but the first one twice. */
  private static double[] twice(double[] values) {
    double[] all = new double[2 * values.length - 1];
    for (int i = 0; i < all.length; i++) {
      all[i] = values[(i + 1) / 2];
    }
    return all;
  }

  private static final class Run extends EulerRun {
    private @Nullable NDArray start;
    private @Nullable NDArray end;

    Run(PredictionType type, double[] timesteps, double[] sigmas, TimestepSpacing spacing) {
      super(type, timesteps, sigmas, spacing);
    }

    @Override
    int callOfStep(int step) {
      return 2 * step;
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      if (index % 2 == 0) {
        NDArray next = towards(level(index + 1), output, index, sample).get();
        forget();
        start = rememberCopy(sample);
        end = rememberCopy(next);
        return next;
      }
      // Half of Euler's step is made; the other half takes the slope at its end.
      double share = (level(index) - level(index - 1)) / (2 * level(index));
      try (NDArray original = predictOriginal(output, index, sample)) {
        NDArray next =
            new WeightedSum(sample.getManager())
                .plus(0.5, Objects.requireNonNull(start))
                .plus(0.5, Objects.requireNonNull(end))
                .plus(share, sample)
                .plus(-share, original)
                .get();
        forget();
        return next;
      }
    }

    private void forget() {
      if (start != null) {
        start.close();
        start = null;
      }
      if (end != null) {
        end.close();
        end = null;
      }
    }
  }
}
