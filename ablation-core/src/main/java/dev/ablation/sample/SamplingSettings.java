package dev.ablation.sample;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.DiffusionModel;
import dev.ablation.schedule.RectifiedFlow;
import java.util.Objects;

/**
 * The settings of a {@link LatentSampler}; an immutable value that can be stored in provenance.
 *
 * @param sampler the numerical method
 * @param steps number of sampling steps, positive
 * @param guidance how the influence of the prompt is strengthened
 * @param negativePrompt what to guide away from; empty is the unconditional prompt
 * @param batchSize maximum number of images drawn together, positive
 */
@CheckReturnValue
public record SamplingSettings(
    Sampler sampler, int steps, Guidance guidance, String negativePrompt, int batchSize) {

  /** Checks the ranges. */
  public SamplingSettings {
    Objects.requireNonNull(sampler, "sampler");
    Objects.requireNonNull(guidance, "guidance");
    Objects.requireNonNull(negativePrompt, "negativePrompt");
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
  }

  /**
   * Draws with classifier-free guidance.
   *
   * @param sampler the numerical method
   * @param steps number of sampling steps, positive
   * @param guidanceScale of {@link Guidance#classifierFree}
   * @param negativePrompt what to guide away from; empty is the unconditional prompt
   * @param batchSize maximum number of images drawn together, positive
   */
  public SamplingSettings(
      Sampler sampler, int steps, double guidanceScale, String negativePrompt, int batchSize) {
    this(sampler, steps, Guidance.classifierFree(guidanceScale), negativePrompt, batchSize);
  }

  /**
   * {@return DPM-Solver++ with 25 steps, guidance 7.5, no negative prompt, four images at a time}
   */
  public static SamplingSettings defaults() {
    return new SamplingSettings(Sampler.dpmSolverPlusPlus(), 25, 7.5, "", 4);
  }

  /**
   * Returns settings that suit a model: those of its capability {@link SamplingDefaults} if it has
   * that, else {@link #defaults()}, and for a rectified flow 28 steps of {@link FlowMatchEuler}
   * with guidance 7, as Stable Diffusion 3 is published.
   *
   * @param model to draw from
   * @return the settings
   */
  public static SamplingSettings defaultsFor(DiffusionModel model) {
    return model
        .capability(SamplingDefaults.class)
        .map(SamplingDefaults::samplingSettings)
        .orElseGet(() ->
            model.schedule() instanceof RectifiedFlow
                ? new SamplingSettings(Sampler.flowMatchEuler(), 28, 7, "", 4)
                : defaults());
  }

  /**
   * Returns these settings, or those of the model where the sampler does not work with its
   * schedule.
   *
   * @param model to draw from
   * @return settings that can draw from the model; negative prompt and batch size stay
   */
  public SamplingSettings compatibleWith(DiffusionModel model) {
    if (sampler.supports(model.schedule(), model.predictionType())) {
      return this;
    }
    SamplingSettings suited = defaultsFor(model);
    return new SamplingSettings(
        suited.sampler(), suited.steps(), suited.guidance(), negativePrompt, batchSize);
  }

  /** {@return whether each step needs a prediction for the negative prompt too} */
  public boolean guided() {
    return guidance.usesNegativePrompt();
  }

  /** {@return the strength of the guidance} */
  public double guidanceScale() {
    return guidance.scale();
  }

  /**
   * {@return the guidance for cache keys and provenance: the scale alone for plain classifier-free
   * guidance, else its name too}
   */
  public String guidanceText() {
    return guidance instanceof ClassifierFree plain && plain.rescale() == 0
        ? Double.toString(plain.scale())
        : guidance.name() + " " + guidance.scale();
  }

  /**
   * Counts the forward passes of drawing images.
   *
   * @param model that draws
   * @param images how many, not negative
   * @return latents that pass through the network, as often as guidance and sampler ask for
   * @throws IllegalArgumentException if the sampler does not work with the model
   */
  public long forwardPasses(DiffusionModel model, long images) {
    try (SamplerRun run =
        sampler.start(
            model.schedule(), model.predictionType(), steps, model.descriptor().latentShape())) {
      return images * guidance.rows() * run.steps();
    }
  }

  /**
   * Changes the guidance.
   *
   * @param guidance how the influence of the prompt is strengthened
   * @return a copy with the given guidance
   */
  public SamplingSettings guidance(Guidance guidance) {
    return new SamplingSettings(sampler, steps, guidance, negativePrompt, batchSize);
  }

  /**
   * Returns a variant with another method.
   *
   * @param sampler the numerical method
   * @return the variant
   */
  public SamplingSettings sampler(Sampler sampler) {
    return new SamplingSettings(sampler, steps, guidance, negativePrompt, batchSize);
  }

  /**
   * Returns a variant with more or fewer steps.
   *
   * @param steps positive
   * @return the variant
   */
  public SamplingSettings steps(int steps) {
    return new SamplingSettings(sampler, steps, guidance, negativePrompt, batchSize);
  }

  /**
   * Returns a variant with classifier-free guidance.
   *
   * @param guidanceScale not negative; up to 1 for none
   * @return the variant
   */
  public SamplingSettings guidanceScale(double guidanceScale) {
    return new SamplingSettings(sampler, steps, guidanceScale, negativePrompt, batchSize);
  }

  /**
   * Returns a variant with another negative prompt.
   *
   * @param negativePrompt what to guide away from; empty is the unconditional prompt
   * @return the variant
   */
  public SamplingSettings negativePrompt(String negativePrompt) {
    return new SamplingSettings(sampler, steps, guidance, negativePrompt, batchSize);
  }

  /**
   * Returns a variant with larger or smaller batches. The images do not depend on it, beyond the
   * rounding of the network.
   *
   * @param batchSize positive
   * @return the variant
   */
  public SamplingSettings batchSize(int batchSize) {
    return new SamplingSettings(sampler, steps, guidance, negativePrompt, batchSize);
  }
}
