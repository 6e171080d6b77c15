package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.RectifiedFlow;
import dev.ablation.schedule.SigmaShift;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Euler's method along a rectified flow (diffusers' {@code FlowMatchEulerDiscreteScheduler}; Esser
 * et al. 2024, arXiv 2403.03206): with v the predicted velocity
 *
 * <pre>{@code x' = x + (sigma' - sigma) v}</pre>
 *
 * <p>Noise levels are spaced, shifted and, optionally, stretched so that the last step starts at a
 * given level; after it the level is 0. Levels are rounded to float32 as the published ones.
 *
 * <p>Immutable: each setter returns a copy.
 */
@CheckReturnValue
public final class FlowMatchEuler implements Sampler {
  static final FlowMatchEuler DEFAULT =
      new FlowMatchEuler(FlowSigmas.TRAINED, null, 0, new double[0]);

  private final FlowSigmas spacing;
  private final @Nullable SigmaShift shift;
  private final double terminal;
  private final double[] given;

  private FlowMatchEuler(
      FlowSigmas spacing, @Nullable SigmaShift shift, double terminal, double[] given) {
    this.spacing = Objects.requireNonNull(spacing, "spacing");
    this.shift = shift;
    Preconditions.checkArgument(
        terminal >= 0 && terminal < 1, "terminal must be from 0 to below 1, was %s", terminal);
    this.terminal = terminal;
    double before = 1;
    for (double sigma : given) {
      Preconditions.checkArgument(
          sigma > 0 && sigma <= before,
          "sigmas must be above 0, at most 1 and falling, was %s after %s",
          sigma,
          before);
      before = sigma;
    }
    this.given = given;
  }

  /** {@return how noise levels are spaced} */
  public FlowSigmas spacing() {
    return spacing;
  }

  /**
   * Changes how noise levels are spaced.
   *
   * @param spacing before they are shifted
   * @return a copy with the given spacing
   */
  public FlowMatchEuler spacing(FlowSigmas spacing) {
    return new FlowMatchEuler(spacing, shift, terminal, given);
  }

  /**
   * Changes how noise levels are shifted.
   *
   * @param shift replaces the schedule's
   * @return a copy with the given shift
   */
  public FlowMatchEuler shift(SigmaShift shift) {
    return new FlowMatchEuler(spacing, Objects.requireNonNull(shift, "shift"), terminal, given);
  }

  /**
   * Stretches the noise levels so that the last step starts at a given one (diffusers' {@code
   * shift_terminal}).
   *
   * @param terminal above 0, below 1; 0 for no stretching
   * @return a copy with the given terminal
   */
  public FlowMatchEuler terminal(double terminal) {
    return new FlowMatchEuler(spacing, shift, terminal, given);
  }

  /**
   * Sets the noise levels before each step; they are shifted like others. {@link #spacing()} does
   * not apply to them, unless it is Karras' or exponential.
   *
   * @param sigmas descending, from at most 1 to above 0, one per step; none for the spacing's own;
   *     copied
   * @return a copy with the given sigmas
   */
  public FlowMatchEuler sigmas(double... sigmas) {
    return new FlowMatchEuler(spacing, shift, terminal, sigmas.clone());
  }

  @Override
  public String name() {
    return "flow-match-euler";
  }

  @Override
  public Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("spacing", Settings.name(spacing));
    settings.put("shift", shift == null ? "of the schedule" : shift.name());
    settings.put("terminal", terminal);
    if (given.length > 0) {
      settings.put("sigmas", Arrays.toString(given));
    }
    return Collections.unmodifiableMap(settings);
  }

  @Override
  public boolean supports(NoiseSchedule schedule, PredictionType type) {
    return schedule instanceof RectifiedFlow && type == PredictionType.FLOW;
  }

  @Override
  public SamplerRun start(NoiseSchedule schedule, PredictionType type, int steps, Shape latents) {
    Settings.checkSupport(this, schedule, type);
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Preconditions.checkArgument(
        latents.dimension() == 3, "latents: expected (C, H, W), was %s", latents);
    RectifiedFlow flow = (RectifiedFlow) schedule;
    double[] sigmas = sigmas(flow, steps, latents);
    double[] timesteps = new double[steps];
    for (int i = 0; i < steps; i++) {
      timesteps[i] = (float) flow.timeOfSigma(sigmas[i]);
    }
    return new Run(type, timesteps, sigmas);
  }

  private double[] sigmas(RectifiedFlow flow, int steps, Shape latents) {
    SigmaShift by = shift == null ? flow.shift() : shift;
    double[] levels =
        Arrays.stream(evenly(flow, steps))
            .map(sigma -> by.ofSampling(sigma, latents, steps))
            .toArray();
    if (terminal > 0) {
      double scale = (1 - levels[steps - 1]) / (1 - terminal);
      Preconditions.checkArgument(scale > 0, "steps must be at least 2 with a terminal sigma");
      levels = Arrays.stream(levels).map(sigma -> 1 - (1 - sigma) / scale).toArray();
    }
    levels =
        switch (spacing) {
          case TRAINED, FRACTIONS -> levels;
          case KARRAS -> Sigmas.karras(levels[0], levels[steps - 1], steps);
          case EXPONENTIAL -> Sigmas.exponential(levels[0], levels[steps - 1], steps);
        };
    double[] withEnd = Arrays.copyOf(levels, steps + 1);
    return Arrays.stream(withEnd).map(sigma -> (float) sigma).toArray();
  }

  private double[] evenly(RectifiedFlow flow, int steps) {
    if (given.length > 0) {
      Preconditions.checkArgument(
          steps == given.length,
          "steps must be as many as the given sigmas, %s, was %s",
          given.length,
          steps);
      return given;
    }
    double last = spacing == FlowSigmas.FRACTIONS ? 1.0 / steps : smallest(flow);
    double[] sigmas = new double[steps];
    for (int i = 0; i < steps; i++) {
      double share = steps == 1 ? 0 : i / (double) (steps - 1);
      sigmas[i] = 1 + share * (last - 1);
    }
    return sigmas;
  }

  private static double smallest(RectifiedFlow flow) {
    return flow.sigma(flow.time(flow.steps() - 1));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof FlowMatchEuler euler
        && spacing == euler.spacing
        && Objects.equals(shift, euler.shift)
        && terminal == euler.terminal
        && Arrays.equals(given, euler.given);
  }

  @Override
  public int hashCode() {
    return Objects.hash(spacing, shift, terminal, Arrays.hashCode(given));
  }

  @Override
  public String toString() {
    return name() + settings();
  }

  private static final class Run extends BaseRun {
    private final double[] sigmas;

    Run(PredictionType type, double[] timesteps, double[] sigmas) {
      super(type, timesteps, 0);
      this.sigmas = sigmas;
    }

    @Override
    public double[] sigmas() {
      return sigmas.clone();
    }

    @Override
    double alpha(int index) {
      return 1 - sigmas[index];
    }

    @Override
    double sigma(int index) {
      return sigmas[index];
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      return new WeightedSum(sample.getManager())
          .plus(1, sample)
          .plus(sigmas[index + 1] - sigmas[index], output)
          .get();
    }
  }
}
