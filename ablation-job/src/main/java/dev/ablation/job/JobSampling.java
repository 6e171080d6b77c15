package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * How images are drawn. What is not set is the model's default.
 *
 * @param sampler the sampler
 * @param steps sampling steps
 * @param guidanceScale scale of classifier-free guidance
 * @param negativePrompt prompt of what is not drawn
 * @param batchSize images drawn together
 */
@Shorthand("steps")
public record JobSampling(
    @Described(
            value = "The sampler.",
            oneOf = {
              "ddpm",
              "ddim",
              "pndm",
              "dpm-solver++",
              "euler",
              "heun",
              "euler-ancestral",
              "lms",
              "deis",
              "lcm",
              "tcd",
              "flow-match-euler",
              "unipc"
            })
        @Nullable String sampler,
    @Described(value = "Sampling steps.", positive = true) @Nullable Integer steps,
    @Described("Scale of classifier-free guidance.") @Nullable Double guidanceScale,
    @Described("Prompt of what is not drawn.") @Nullable String negativePrompt,
    @Described(value = "Images drawn together.", positive = true) @Nullable Integer batchSize) {}
