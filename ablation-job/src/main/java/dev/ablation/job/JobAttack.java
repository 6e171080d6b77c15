package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An attempt to recover the target, with the base model for comparison.
 *
 * @param kind {@code wordings}: misspelled, in other case, split. {@code noise}: more noise while
 *     sampling. {@code embedding}: the direction of the concept in the text embeddings. {@code
 *     sdedit}: noised images of the target. {@code textual-inversion}: a learned word
 * @param prompts prompts with the target's name. Default: the evaluation's
 * @param strength {@code noise}: eta, default 1. {@code embedding}: factor, default 1. {@code
 *     sdedit}: share of the noise, default 0.6
 * @param originals {@code sdedit}: folder of images of the target
 * @param images images that are drawn. Default: as many as of the target
 */
@Shorthand("kind")
public record JobAttack(
    @Described(
            value =
                "`wordings`: misspelled, in other case, split. `noise`: more noise while sampling. `embedding`: the direction of the concept in the text embeddings. `sdedit`: noised images of the target.",
            required = true,
            oneOf = {"wordings", "noise", "embedding", "sdedit"})
        String kind,
    @Described("Prompts with the target's name. Default: the evaluation's.") List<String> prompts,
    @Described(
            value =
                "`noise`: eta, default 1. `embedding`: factor, default 1. `sdedit`: share of the noise, default 0.6.",
            positive = true)
        @Nullable Double strength,
    @Described("`sdedit`: folder of images of the target.") @Nullable Path originals,
    @Described(value = "Images that are drawn. Default: as many as of the target.", positive = true)
        @Nullable Integer images) {

  /** Copies and checks the values. */
  public JobAttack {
    prompts = prompts == null ? List.of() : List.copyOf(prompts);
  }
}
