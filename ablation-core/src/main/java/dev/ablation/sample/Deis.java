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
 * The diffusion exponential integrator sampler, variant log-rho AB-DEIS (Zhang and Chen 2023, arXiv
 * 2204.13902, section 3): with {@code s = sigma / alpha} and the noise {@code e_k} that the network
 * saw in this step and in the ones before,
 *
 * <pre>{@code x' = alpha' (x / alpha + sum_k e_k integral of l_k(log s) ds from s to s')}</pre>
 *
 * where l_k is the polynomial that is 1 at the log noise level of step k and 0 at those of the
 * others. The last step ends at the noise level of timestep 0.
 *
 * @param order largest number of steps that are looked at, 1 to 3
 * @param karrasSigmas whether noise levels are spaced as by Karras et al. (2022, arXiv 2206.00364,
 *     equation 5) between the schedule's ends, instead of {@code spacing}; the network is then
 *     called at the nearest whole timesteps
 * @param lowerOrderFinal whether the order is lowered at the end, down to 1 in the last step, if
 *     there are fewer than 15 steps
 * @param spacing how the timesteps are selected
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record Deis(
    int order,
    boolean karrasSigmas,
    boolean lowerOrderFinal,
    TimestepSpacing spacing,
    int stepsOffset)
    implements Sampler {
  private static final int MANY_STEPS = 15;

  /** Checks the ranges. */
  public Deis {
    Settings.checkOrder(order);
    Objects.requireNonNull(spacing, "spacing");
    Settings.checkOffset(stepsOffset);
  }

  /**
   * Returns a variant of another order.
   *
   * @param order 1 to 3
   * @return the variant
   */
  public Deis order(int order) {
    return new Deis(order, karrasSigmas, lowerOrderFinal, spacing, stepsOffset);
  }

  /**
   * Returns a variant with or without Karras noise levels.
   *
   * @param karrasSigmas whether noise levels are spaced as by Karras et al.
   * @return the variant
   */
  public Deis karrasSigmas(boolean karrasSigmas) {
    return new Deis(order, karrasSigmas, lowerOrderFinal, spacing, stepsOffset);
  }

  /**
   * Returns a variant with other timesteps.
   *
   * @param spacing how the timesteps are selected
   * @param stepsOffset added to the timesteps of leading spacing, not negative
   * @return the variant
   */
  public Deis spacing(TimestepSpacing spacing, int stepsOffset) {
    return new Deis(order, karrasSigmas, lowerOrderFinal, spacing, stepsOffset);
  }

  @Override
  public String name() {
    return "deis";
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
        SolverGrid.of(table, karrasSigmas, spacing, stepsOffset, schedule.steps(), steps);
    return new Run(
        this, type, grid.timesteps(), table.endingWith(FinalSigma.SIGMA_MIN, grid.sigmas()));
  }

  private static final class Run extends SigmaRun {
    private final Deis settings;

    /** What the network took for noise in this step and in the ones before, newest first. */
    private final List<NDArray> noises = new ArrayList<>();

    Run(Deis settings, PredictionType type, double[] timesteps, double[] sigmas) {
      super(type, timesteps, sigmas);
      this.settings = settings;
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      noises.add(0, remember(predictNoise(output, sample, alpha(index), sigma(index))));
      if (noises.size() > settings.order) {
        noises.remove(settings.order).close();
      }
      int left = steps() - index;
      boolean lowered = settings.lowerOrderFinal && steps() < MANY_STEPS;
      int order = lowered ? Math.min(noises.size(), left) : noises.size();
      WeightedSum next =
          new WeightedSum(sample.getManager()).plus(alpha(index + 1) / alpha(index), sample);
      for (int k = 0; k < order; k++) {
        next.plus(alpha(index + 1) * weight(index, k, order), noises.get(k));
      }
      return next.get();
    }

    /**
     * Integrates the polynomial in {@code v = log(s / s of this step)}, where {@code ds = s dv}.
     */
    private double weight(int index, int k, int order) {
      // Coefficients of 1, v and v^2 in the product of (v - v_other) / (v_k - v_other).
      double constant = 1;
      double linear = 0;
      double square = 0;
      for (int other = 0; other < order; other++) {
        if (other != k) {
          double root = distance(index - other, index);
          double scale = 1 / (distance(index - k, index) - root);
          square = (linear - square * root) * scale;
          linear = (constant - linear * root) * scale;
          constant = -constant * root * scale;
        }
      }
      double end = level(index + 1);
      double v = distance(index + 1, index);
      double begin = level(index);
      return constant * (end - begin)
          + linear * (end * (v - 1) + begin)
          + square * (end * (v * v - 2 * v + 2) - 2 * begin);
    }

    private double distance(int index, int from) {
      return lambda(from) - lambda(index);
    }
  }
}
