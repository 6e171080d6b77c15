package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The linear multistep method of Adams and Bashforth, order 4, in the noise level s (as a sampler
 * published in k-diffusion): samples are {@code x0 + s noise}, and with the slopes {@code d_k = (x
 * - x0) / s} of this step and up to three before,
 *
 * <pre>{@code x' = x + sum_k d_k integral of l_k from s to s'}</pre>
 *
 * where l_k is the polynomial that is 1 at the noise level of slope k and 0 at those of the others.
 * The first steps have fewer slopes and are of a lower order.
 *
 * <p>Timesteps of linspace spacing are fractions; noise levels between timesteps are interpolated.
 *
 * @param karrasSigmas whether noise levels are spaced as by Karras et al. (2022, arXiv 2206.00364,
 *     equation 5), between the first and the last one that {@code spacing} gives
 * @param spacing how the timesteps are selected
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record Lms(boolean karrasSigmas, TimestepSpacing spacing, int stepsOffset)
    implements Sampler {
  private static final int ORDER = 4;

  /** Checks the ranges. */
  public Lms {
    Objects.requireNonNull(spacing, "spacing");
    Settings.checkOffset(stepsOffset);
  }

  /**
   * Returns a variant with or without Karras noise levels.
   *
   * @param karrasSigmas whether noise levels are spaced as by Karras et al.
   * @return the variant
   */
  public Lms karrasSigmas(boolean karrasSigmas) {
    return new Lms(karrasSigmas, spacing, stepsOffset);
  }

  /**
   * Returns a variant with other timesteps.
   *
   * @param spacing how the timesteps are selected
   * @param stepsOffset added to the timesteps of leading spacing, not negative
   * @return the variant
   */
  public Lms spacing(TimestepSpacing spacing, int stepsOffset) {
    return new Lms(karrasSigmas, spacing, stepsOffset);
  }

  @Override
  public String name() {
    return "lms";
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
        type, grid.timesteps(), table.endingWith(FinalSigma.ZERO, grid.sigmas()), spacing);
  }

  private static final class Run extends EulerRun {
    /** Slopes of this step and the ones before, newest first. */
    private final List<NDArray> slopes = new ArrayList<>();

    Run(PredictionType type, double[] timesteps, double[] sigmas, TimestepSpacing spacing) {
      super(type, timesteps, sigmas, spacing);
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      try (NDArray original = predictOriginal(output, index, sample)) {
        slopes.add(
            0,
            remember(
                new WeightedSum(sample.getManager())
                    .plus(1 / level(index), sample)
                    .plus(-1 / level(index), original)
                    .get()));
      }
      if (slopes.size() > ORDER) {
        slopes.remove(ORDER).close();
      }
      WeightedSum next = new WeightedSum(sample.getManager()).plus(1, sample);
      for (int k = 0; k < slopes.size(); k++) {
        next.plus(weight(index, k), slopes.get(k));
      }
      return next.get();
    }

    /** Simpson's rule, which is exact for the polynomials of degree 3 and less. */
    private double weight(int index, int k) {
      double begin = level(index);
      double end = level(index + 1);
      return (end - begin)
          / 6
          * (basis(begin, index, k)
              + 4 * basis((begin + end) / 2, index, k)
              + basis(end, index, k));
    }

    private double basis(double at, int index, int k) {
      double product = 1;
      for (int other = 0; other < slopes.size(); other++) {
        if (other != k) {
          product *= (at - level(index - other)) / (level(index - k) - level(index - other));
        }
      }
      return product;
    }
  }
}
