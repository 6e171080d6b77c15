package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Euler's method with ancestral noise: each step goes below the next noise level s' and adds noise
 * up to it, as much as DDPM's posterior holds (Song et al. 2021, arXiv 2011.13456, appendix F; as a
 * sampler published in k-diffusion):
 *
 * <pre>{@code
 * up^2 = s'^2 (s^2 - s'^2) / s^2,    down^2 = s'^2 - up^2
 * x'   = x + (down - s) (x - x0) / s + up noise
 * }</pre>
 *
 * Timesteps of linspace spacing are fractions; noise levels between timesteps are interpolated. The
 * last step goes to noise level 0; it draws noise too, but adds none.
 *
 * @param spacing how the timesteps are selected
 * @param stepsOffset added to the timesteps of leading spacing, not negative
 */
@CheckReturnValue
public record EulerAncestral(TimestepSpacing spacing, int stepsOffset) implements Sampler {

  /** Checks the ranges. */
  public EulerAncestral {
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
  public EulerAncestral spacing(TimestepSpacing spacing, int stepsOffset) {
    return new EulerAncestral(spacing, stepsOffset);
  }

  @Override
  public String name() {
    return "euler-ancestral";
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
    double[] timesteps = Timesteps.inclusive(spacing, stepsOffset, schedule.steps(), steps, true);
    Sigmas table = new Sigmas(schedule);
    double[] sigmas = table.endingWith(FinalSigma.ZERO, table.at(timesteps));
    return new Run(type, timesteps, sigmas, spacing);
  }

  private static final class Run extends EulerRun {
    Run(PredictionType type, double[] timesteps, double[] sigmas, TimestepSpacing spacing) {
      super(type, timesteps, sigmas, spacing);
    }

    @Override
    public boolean drawsNoise(int index) {
      Preconditions.checkElementIndex(index, steps(), "index");
      return true;
    }

    @Override
    NDArray advance(NDArray output, int index, NDArray sample, @Nullable NDArray noise) {
      double from = level(index) * level(index);
      double to = level(index + 1) * level(index + 1);
      double up = to * (from - to) / from;
      WeightedSum sum = towards(Math.sqrt(to - up), output, index, sample);
      if (noise != null) {
        sum.plus(Math.sqrt(up), noise);
      }
      return sum.get();
    }
  }
}
