package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The linear multistep method of pseudo numerical methods for diffusion models (Liu et al. 2022,
 * arXiv 2202.09778, algorithm 2, "PLMS"), without the Runge-Kutta steps at the beginning. The
 * network's outputs of up to four steps are combined to e' with the Adams-Bashforth weights
 * (equation 12), and with a and a' the cumulative alphas of timestep t and of {@code t - T/n},
 * equation 11 gives
 *
 * <pre>{@code
 * x' = sqrt(a' / a) x - (a' - a) / (a sqrt(1 - a') + sqrt(a (1 - a) a')) e'
 * }</pre>
 *
 * The first step is made twice, the second time from the same sample with the mean of the outputs
 * at both its ends, so that a run calls the network once more than its number of steps; its second
 * timestep occurs twice.
 *
 * @param setAlphaToOne whether a' after the last step is 1; otherwise it is that of timestep 0
 * @param spacing how the timesteps are selected
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record Pndm(boolean setAlphaToOne, TimestepSpacing spacing, int stepsOffset)
    implements Sampler {

  /** Checks the ranges. */
  public Pndm {
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
  public Pndm spacing(TimestepSpacing spacing, int stepsOffset) {
    return new Pndm(setAlphaToOne, spacing, stepsOffset);
  }

  @Override
  public String name() {
    return "pndm";
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
    double[] once = Timesteps.inclusive(spacing, stepsOffset, schedule.steps(), steps, false);
    double[] timesteps = once;
    if (steps > 1) {
      timesteps = Arrays.copyOf(once, steps + 1);
      System.arraycopy(once, 1, timesteps, 2, steps - 1);
    }
    return new Run(setAlphaToOne, schedule, type, timesteps, steps);
  }

  private static final class Run extends TimestepRun {
    /** Adams and Bashforth's weights, newest output first, for one to four outputs. */
    private static final double[][] WEIGHTS = {
      {1},
      {3 / 2., -1 / 2.},
      {23 / 12., -16 / 12., 5 / 12.},
      {55 / 24., -59 / 24., 37 / 24., -9 / 24.}
    };

    private final int stride;
    private final double lastAlpha;

    /** The newest outputs, newest first, at most three of earlier steps. */
    private final Deque<NDArray> outputs = new ArrayDeque<>();

    private @Nullable NDArray first;

    Run(
        boolean setAlphaToOne,
        VariancePreservingSchedule schedule,
        PredictionType type,
        double[] timesteps,
        int steps) {
      super(schedule, type, timesteps, 0);
      stride = schedule.steps() / steps;
      lastAlpha = setAlphaToOne ? 1 : schedule.alphaCumprod(0);
    }

    /** The doubled second step belongs to the first one. */
    @Override
    int callOfStep(int step) {
      if (step == 0) {
        return 0;
      }
      throw new UnsupportedOperationException(
          "pndm makes its first step twice and cannot leave it out, so strength must be 1;"
              + " other samplers, such as ddim, can start later");
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      NDArray start = first;
      if (index == 1 && start != null) {
        try (NDArray mean =
            new WeightedSum(sample.getManager())
                .plus(0.5, output)
                .plus(0.5, outputs.getFirst())
                .get()) {
          first = null;
          try (start) {
            NDArray stepped = transfer(mean, start, timestep(1) + stride, timestep(1));
            stepped.attach(sample.getManager());
            return stepped;
          }
        }
      }
      if (index == 0) {
        first = rememberCopy(sample);
      }
      try (NDArray combined = combine(output, sample)) {
        outputs.addFirst(rememberCopy(output));
        if (outputs.size() == WEIGHTS.length) {
          outputs.removeLast().close();
        }
        return transfer(combined, sample, timestep(index), timestep(index) - stride);
      }
    }

    private NDArray combine(NDArray output, NDArray sample) {
      double[] weights = WEIGHTS[outputs.size()];
      WeightedSum sum = new WeightedSum(sample.getManager()).plus(weights[0], output);
      Iterator<NDArray> earlier = outputs.iterator();
      for (int i = 1; i < weights.length; i++) {
        sum.plus(weights[i], earlier.next());
      }
      return sum.get();
    }

    /** Equation 11, from timestep {@code from} to {@code to}. */
    private NDArray transfer(NDArray output, NDArray sample, int from, int to) {
      double now = schedule().alphaCumprod(from);
      double then = to >= 0 ? schedule().alphaCumprod(to) : lastAlpha;
      double noiseWeight =
          -(then - now) / (now * Math.sqrt(1 - then) + Math.sqrt(now * (1 - now) * then));
      try (NDArray noise = predictNoise(output, sample, Math.sqrt(now), Math.sqrt(1 - now))) {
        return new WeightedSum(sample.getManager())
            .plus(Math.sqrt(then / now), sample)
            .plus(noiseWeight, noise)
            .get();
      }
    }
  }
}
