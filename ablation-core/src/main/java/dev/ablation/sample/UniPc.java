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
 * The predictor-corrector UniPC for networks that predict the clean sample, variant {@code B(h) =
 * exp(-h) - 1} ("bh2") (Zhao et al. 2023, arXiv 2302.04867, algorithms 5 to 7). With h the step in
 * {@code lambda = log(alpha / sigma)}, {@code m0, m1, ...} the clean samples predicted at this step
 * and the ones before, and {@code r_k} the distance in lambda of the k-th one before in units of h,
 * the predictor (equation 8) is
 *
 * <pre>{@code
 * x' = sigma'/sigma x - alpha' (exp(-h) - 1) (m0 + sum_k w_k (m_k - m0) / r_k)
 * }</pre>
 *
 * The weights w solve the linear equations {@code sum_k r_k^(n-1) w_k = b_n} (equation 5), except
 * that order 2 takes 1/2 as the paper's code does. The corrector (equation 3) makes the step before
 * once more, now that the network has been called at its end, with that prediction as a further one
 * at {@code r = 1}.
 *
 * @param order largest order of the predictor, 1 to 3
 * @param karrasSigmas whether noise levels are spaced as by Karras et al. (2022, arXiv 2206.00364,
 *     equation 5) between the schedule's ends, instead of {@code spacing}; the network is then
 *     called at the nearest whole timesteps
 * @param lowerOrderFinal whether the order is lowered at the end, down to 1 in the last step
 * @param finalSigma noise level after the last step
 * @param spacing how the timesteps are selected
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record UniPc(
    int order,
    boolean karrasSigmas,
    boolean lowerOrderFinal,
    FinalSigma finalSigma,
    TimestepSpacing spacing,
    int stepsOffset)
    implements Sampler {

  /** Checks the ranges. */
  public UniPc {
    Settings.checkOrder(order);
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
  public UniPc order(int order) {
    return new UniPc(order, karrasSigmas, lowerOrderFinal, finalSigma, spacing, stepsOffset);
  }

  /**
   * Returns a variant with or without Karras noise levels.
   *
   * @param karrasSigmas whether noise levels are spaced as by Karras et al.
   * @return the variant
   */
  public UniPc karrasSigmas(boolean karrasSigmas) {
    return new UniPc(order, karrasSigmas, lowerOrderFinal, finalSigma, spacing, stepsOffset);
  }

  /**
   * Returns a variant with other timesteps.
   *
   * @param spacing how the timesteps are selected
   * @param stepsOffset added to the timesteps of leading spacing, not negative
   * @return the variant
   */
  public UniPc spacing(TimestepSpacing spacing, int stepsOffset) {
    return new UniPc(order, karrasSigmas, lowerOrderFinal, finalSigma, spacing, stepsOffset);
  }

  @Override
  public String name() {
    return "unipc";
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
    private final UniPc settings;

    /** Clean samples predicted at earlier steps, newest first. */
    private final List<NDArray> originals = new ArrayList<>();

    /** The sample that the step before began from, and that step's order. */
    private @Nullable NDArray before;

    private int orderBefore;

    Run(UniPc settings, PredictionType type, double[] timesteps, double[] sigmas) {
      super(type, timesteps, sigmas);
      this.settings = settings;
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      NDArray predicted = predictOriginal(output, index, sample);
      NDArray corrected =
          before == null ? sample.duplicate() : correct(predicted, before, index, sample);
      originals.add(0, remember(predicted));
      if (originals.size() > settings.order) {
        originals.remove(settings.order).close();
      }
      if (before != null) {
        before.close();
      }
      before = remember(corrected);
      orderBefore = order(index);
      NDArray next = integrate(corrected, index, orderBefore, null);
      next.attach(sample.getManager());
      return next;
    }

    private NDArray correct(NDArray predicted, NDArray start, int index, NDArray sample) {
      NDArray corrected = integrate(start, index - 1, orderBefore, predicted);
      corrected.attach(sample.getManager());
      return corrected;
    }

    private int order(int index) {
      double h = lambda(index + 1) - lambda(index);
      if (h == 0 || Double.isInfinite(h)) {
        return 1;
      }
      int left = settings.lowerOrderFinal ? steps() - index : settings.order;
      return Math.min(Math.min(settings.order, left), callsBefore(index) + 1);
    }

    /**
     * Makes the step that begins at {@code index}, from predictions up to there and, for the
     * corrector, the one at its end.
     */
    private NDArray integrate(NDArray start, int index, int order, @Nullable NDArray atEnd) {
      double h = lambda(index + 1) - lambda(index);
      double gain = -alpha(index + 1) * Math.expm1(-h);
      double[] distances = new double[order];
      for (int k = 0; k < order - 1; k++) {
        distances[k] = (lambda(index - k - 1) - lambda(index)) / h;
      }
      distances[order - 1] = 1;
      double[] weights = weights(distances, h, atEnd != null);
      WeightedSum sum =
          new WeightedSum(start.getManager()).plus(sigma(index + 1) / sigma(index), start);
      double own = 1;
      for (int k = 0; k < weights.length; k++) {
        double weight = weights[k] / distances[k];
        NDArray prediction = k == order - 1 && atEnd != null ? atEnd : originals.get(k + 1);
        sum.plus(gain * weight, prediction);
        own -= weight;
      }
      return sum.plus(gain * own, originals.get(0)).get();
    }

    /**
     * Solves equation 5 for the weights: of all distances for the corrector, without the last one
     * for the predictor.
     */
    private static double[] weights(double[] distances, double h, boolean corrector) {
      int count = corrector ? distances.length : distances.length - 1;
      if (count == 0) {
        return new double[0];
      }
      if (count == 1) {
        return new double[] {0.5};
      }
      double[][] equations = new double[count][count + 1];
      double phi = Math.expm1(-h) / -h - 1;
      double factorial = 1;
      for (int n = 0; n < count; n++) {
        for (int k = 0; k < count; k++) {
          equations[n][k] = Math.pow(distances[k], n);
        }
        equations[n][count] = phi * factorial / Math.expm1(-h);
        factorial *= n + 2;
        phi = phi / -h - 1 / factorial;
      }
      return solve(equations);
    }

    /** Gauss-Jordan elimination with row pivots; the right-hand sides are the last column. */
    private static double[] solve(double[][] rows) {
      int n = rows.length;
      for (int column = 0; column < n; column++) {
        int pivot = column;
        for (int row = column + 1; row < n; row++) {
          if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column])) {
            pivot = row;
          }
        }
        double[] swapped = rows[column];
        rows[column] = rows[pivot];
        rows[pivot] = swapped;
        for (int row = 0; row < n; row++) {
          double factor = rows[row][column] / rows[column][column];
          for (int k = column; row != column && k <= n; k++) {
            rows[row][k] -= factor * rows[column][k];
          }
        }
      }
      double[] solution = new double[n];
      for (int i = 0; i < n; i++) {
        solution[i] = rows[i][n] / rows[i][i];
      }
      return solution;
    }
  }
}
