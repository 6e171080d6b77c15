package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The multistep solver DPM-Solver++ (Lu et al. 2022, arXiv 2211.01095, algorithm 2 and its
 * extension to order 3), or its stochastic form. Noise levels are given by {@code lambda =
 * log(alpha / sigma)}; h is the step in lambda, {@code m0, m1, m2} are the clean samples predicted
 * at this step and the ones before, and primes mark the values after the step. Order 2 (equation 9
 * and algorithm 2) is
 *
 * <pre>{@code
 * x' = sigma'/sigma x - alpha' (exp(-h) - 1) (m0 + D1 / 2),    D1 = (m0 - m1) / r
 * }</pre>
 *
 * where r is the step before in units of h; order 1 leaves D1 out and is DDIM. The stochastic form
 * (equation 18 and appendix B) is
 *
 * <pre>{@code
 * x' = sigma'/sigma exp(-h) x + alpha' (1 - exp(-2h)) (m0 + D1 / 2) + sigma' sqrt(1 - exp(-2h)) noise
 * }</pre>
 *
 * The first steps have a lower order because earlier predictions are missing, and so has the last
 * one if it ends at noise level 0.
 *
 * @param order largest order, 1 to 3; the stochastic form has no order 3
 * @param karrasSigmas whether noise levels are spaced as by Karras et al. (2022, arXiv 2206.00364,
 *     equation 5) between the schedule's ends, instead of {@code spacing}; the network is then
 *     called at the nearest whole timesteps
 * @param stochastic whether each step adds noise
 * @param lowerOrderFinal whether runs of fewer than 15 steps lower the order at the end
 * @param eulerAtFinal whether the last step always has order 1
 * @param finalSigma noise level after the last step
 * @param spacing how the timesteps are selected
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record DpmSolverPlusPlus(
    int order,
    boolean karrasSigmas,
    boolean stochastic,
    boolean lowerOrderFinal,
    boolean eulerAtFinal,
    FinalSigma finalSigma,
    TimestepSpacing spacing,
    int stepsOffset)
    implements Sampler {

  /** Checks the ranges. */
  public DpmSolverPlusPlus {
    Settings.checkOrder(order);
    Preconditions.checkArgument(
        order < 3 || !stochastic, "order must be 1 or 2 for the stochastic form, was %s", order);
    Objects.requireNonNull(finalSigma, "finalSigma");
    Objects.requireNonNull(spacing, "spacing");
    Settings.checkOffset(stepsOffset);
  }

  /**
   * Returns a variant of another order.
   *
   * @param order 1 to 3
   * @return the variant
   */
  public DpmSolverPlusPlus order(int order) {
    return new DpmSolverPlusPlus(
        order,
        karrasSigmas,
        stochastic,
        lowerOrderFinal,
        eulerAtFinal,
        finalSigma,
        spacing,
        stepsOffset);
  }

  /**
   * Returns a variant with or without Karras noise levels.
   *
   * @param karrasSigmas whether noise levels are spaced as by Karras et al.
   * @return the variant
   */
  public DpmSolverPlusPlus karrasSigmas(boolean karrasSigmas) {
    return new DpmSolverPlusPlus(
        order,
        karrasSigmas,
        stochastic,
        lowerOrderFinal,
        eulerAtFinal,
        finalSigma,
        spacing,
        stepsOffset);
  }

  /**
   * Returns the stochastic or the deterministic form.
   *
   * @param stochastic whether each step adds noise
   * @return the variant
   */
  public DpmSolverPlusPlus stochastic(boolean stochastic) {
    return new DpmSolverPlusPlus(
        order,
        karrasSigmas,
        stochastic,
        lowerOrderFinal,
        eulerAtFinal,
        finalSigma,
        spacing,
        stepsOffset);
  }

  /**
   * Returns a variant with other timesteps.
   *
   * @param spacing how the timesteps are selected
   * @param stepsOffset added to the timesteps of leading spacing, not negative
   * @return the variant
   */
  public DpmSolverPlusPlus spacing(TimestepSpacing spacing, int stepsOffset) {
    return new DpmSolverPlusPlus(
        order,
        karrasSigmas,
        stochastic,
        lowerOrderFinal,
        eulerAtFinal,
        finalSigma,
        spacing,
        stepsOffset);
  }

  @Override
  public String name() {
    return "dpm-solver++";
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
    return new Run(this, type, grid.timesteps(), table.endingWith(finalSigma, grid.sigmas()));
  }

  private static final class Run extends SigmaRun {
    /** Fewer steps than this make the end unstable (published with the paper's code). */
    private static final int FEW_STEPS = 15;

    private final DpmSolverPlusPlus settings;

    /** Clean samples predicted at earlier steps, newest first. */
    private final Deque<NDArray> originals = new ArrayDeque<>();

    Run(DpmSolverPlusPlus settings, PredictionType type, double[] timesteps, double[] sigmas) {
      super(type, timesteps, sigmas);
      this.settings = settings;
    }

    @Override
    public boolean drawsNoise(int index) {
      Preconditions.checkElementIndex(index, steps(), "index");
      return settings.stochastic;
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      NDArray m0 = predictOriginal(output, index, sample);
      double h = lambda(index + 1) - lambda(index);
      // The stochastic form is the same integral over twice the step.
      double span = settings.stochastic ? 2 * h : h;
      double decay = sigma(index + 1) / sigma(index);
      double gain = -alpha(index + 1) * Math.expm1(-span);
      WeightedSum sum =
          new WeightedSum(sample.getManager())
              .plus(settings.stochastic ? decay * Math.exp(-h) : decay, sample);
      Iterator<NDArray> earlier = originals.iterator();
      switch (h == 0 ? 1 : order(index)) {
        case 1 -> sum.plus(gain, m0);
        case 2 -> {
          double r = (lambda(index) - lambda(index - 1)) / h;
          sum.plus(gain * (1 + 0.5 / r), m0).plus(-gain * 0.5 / r, earlier.next());
        }
        default -> {
          double r0 = (lambda(index) - lambda(index - 1)) / h;
          double r1 = (lambda(index - 1) - lambda(index - 2)) / h;
          // D1 = (1 + r0 / (r0 + r1)) F0 - r0 / (r0 + r1) F1 and D2 = (F0 - F1) / (r0 + r1), of the
          // divided differences F0 = (m0 - m1) / r0 and F1 = (m1 - m2) / r1.
          double first = alpha(index + 1) * (Math.expm1(-h) / h + 1);
          double second = -alpha(index + 1) * ((Math.expm1(-h) + h) / (h * h) - 0.5);
          double share = 1 / (r0 + r1);
          double f0 = (first * (1 + r0 * share) + second * share) / r0;
          double f1 = -(first * r0 * share + second * share) / r1;
          sum.plus(gain + f0, m0).plus(f1 - f0, earlier.next()).plus(-f1, earlier.next());
        }
      }
      if (noise != null && settings.stochastic) {
        sum.plus(sigma(index + 1) * Math.sqrt(-Math.expm1(-2 * h)), noise);
      }
      originals.addFirst(remember(m0));
      if (originals.size() == settings.order) {
        originals.removeLast().close();
      }
      return sum.get();
    }

    private int order(int index) {
      int left = steps() - index;
      boolean lower = settings.lowerOrderFinal && steps() < FEW_STEPS;
      int order = Math.min(settings.order, callsBefore(index) + 1);
      if (left == 1 && (settings.eulerAtFinal || lower || level(index + 1) == 0)) {
        return 1;
      }
      return left == 2 && lower ? Math.min(order, 2) : order;
    }
  }
}
