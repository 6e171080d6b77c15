package dev.ablation.sample;

import ai.djl.ndarray.types.Shape;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.Map;

/**
 * A method for running the diffusion process backwards, with its settings: an immutable value
 * without resources, usable by every thread and for any number of generations.
 *
 * <p>The factories return the settings that are published with Stable Diffusion 1 and 2, and {@link
 * #flowMatchEuler()} those of Stable Diffusion 3 and FLUX.1. Every built-in method is an immutable
 * value whose setters return variants:
 *
 * <pre>{@code
 * Sampler.dpmSolverPlusPlus().karrasSigmas(true)
 * Sampler.ddim().eta(1)
 * }</pre>
 *
 * <p>To add a method, implement this interface and {@link SamplerRun}:
 *
 * {@snippet class="dev.ablation.Snippets" region="own-sampler"}
 */
@CheckReturnValue
public interface Sampler {

  /** {@return the name for provenance, such as {@code dpm-solver++}; it never changes} */
  String name();

  /**
   * {@return the settings for provenance: numbers, booleans and strings under the names of the
   * settings, in a fixed order}
   */
  Map<String, Object> settings();

  /**
   * Returns whether the method works with a schedule; by default {@code true}, and {@link #start}
   * rejects unsupported schedules.
   *
   * @param schedule the schedule that the model was trained with
   * @param type what the model predicts
   * @return whether {@link #start} accepts them
   */
  default boolean supports(NoiseSchedule schedule, PredictionType type) {
    return true;
  }

  /**
   * Starts a generation.
   *
   * @param schedule the schedule that the model was trained with
   * @param type what the model predicts
   * @param steps number of sampling steps, positive; with discrete schedules at most {@code
   *     schedule.steps()}
   * @param latents shape {@code (C, H, W)} of what is drawn, for methods that depend on the size
   * @return the run; the caller closes it
   * @throws IllegalArgumentException if {@code steps} is out of range, or if the method cannot work
   *     with this schedule and prediction type
   */
  SamplerRun start(NoiseSchedule schedule, PredictionType type, int steps, Shape latents);

  /** {@return ancestral sampling as in the original paper (Ho et al. 2020)} */
  static Ddpm ddpm() {
    return new Ddpm(0, TimestepSpacing.LEADING, 1);
  }

  /** {@return DDIM without noise (Song et al. 2021): the same noise gives the same image} */
  static Ddim ddim() {
    return new Ddim(0, false, 0, TimestepSpacing.LEADING, 1);
  }

  /**
   * Returns DDIM with some noise.
   *
   * @param eta share of DDPM's noise, from 0 to 1
   * @return the method
   * @throws IllegalArgumentException if {@code eta} is out of range
   */
  static Ddim ddim(double eta) {
    return ddim().eta(eta);
  }

  /** {@return PLMS, the linear multistep method of PNDM (Liu et al. 2022)} */
  static Pndm pndm() {
    return new Pndm(false, TimestepSpacing.LEADING, 1);
  }

  /** {@return DPM-Solver++(2M) (Lu et al. 2022): good images in 20 to 25 steps} */
  static DpmSolverPlusPlus dpmSolverPlusPlus() {
    return new DpmSolverPlusPlus(
        2, false, false, true, false, FinalSigma.ZERO, TimestepSpacing.LINSPACE, 0);
  }

  /**
   * {@return Euler's method in the noise level (Karras et al. 2022, algorithm 1 without its churn)}
   */
  static Euler euler() {
    return new Euler(false, FinalSigma.ZERO, TimestepSpacing.LINSPACE, 0);
  }

  /** {@return Heun's method in the noise level (Karras et al. 2022), two calls a step} */
  static Heun heun() {
    return new Heun(false, TimestepSpacing.LINSPACE, 0);
  }

  /** {@return the linear multistep method of order 4 in the noise level, as k-diffusion has it} */
  static Lms lms() {
    return new Lms(false, TimestepSpacing.LINSPACE, 0);
  }

  /** {@return DEIS of order 2, variant log-rho (Zhang and Chen 2023)} */
  static Deis deis() {
    return new Deis(2, false, true, TimestepSpacing.LINSPACE, 0);
  }

  /**
   * {@return multistep sampling of latent consistency models (Luo et al. 2023)} For models that
   * were distilled for it, in 2 to 8 steps with a guidance scale of 1 to 2.
   */
  static Lcm lcm() {
    return new Lcm(FewSteps.USUAL_DISTILLED, 10, 0);
  }

  /**
   * {@return sampling of models distilled by trajectory consistency (Zheng et al. 2024), gamma 0.3}
   * For models that were distilled for it, in 2 to 8 steps without guidance.
   */
  static Tcd tcd() {
    return new Tcd(0.3, FewSteps.USUAL_DISTILLED);
  }

  /** {@return Euler's method with ancestral noise} */
  static EulerAncestral eulerAncestral() {
    return new EulerAncestral(TimestepSpacing.LINSPACE, 0);
  }

  /** {@return Euler's method along a rectified flow, with the shift of the model's schedule} */
  static FlowMatchEuler flowMatchEuler() {
    return FlowMatchEuler.DEFAULT;
  }

  /** {@return UniPC of order 2, variant B2 (Zhao et al. 2023)} */
  static UniPc uniPc() {
    return new UniPc(2, false, true, FinalSigma.ZERO, TimestepSpacing.LINSPACE, 0);
  }
}
