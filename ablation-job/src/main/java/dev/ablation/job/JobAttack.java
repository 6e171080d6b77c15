package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An attempt to recover the target, with the base model for comparison.
 *
 * @param kind {@code quick}: attacks that take minutes. {@code full}: every attack, with the
 *     published budgets, as {@link dev.ablation.attack.Attacks} makes them. {@code none}: no
 *     attacks. {@code wordings}: misspelled, in other case, split. {@code noise}: more noise while
 *     sampling. {@code embedding}: the direction of the concept in the text embeddings. {@code
 *     sdedit}: noised images of the target
 * @param prompts prompts with the target's name. Default: the evaluation's
 * @param strength {@code noise}: eta, above 1, default 1.5. {@code embedding}: factor, default 1.
 *     {@code sdedit}: share of the noise, default 0.6
 * @param originals {@code sdedit}: folder of images of the target
 * @param images images that are drawn of each attack. Default: as many as of the target; 12 with
 *     {@code quick}, 24 with {@code full}
 */
@Shorthand("kind")
public record JobAttack(
    @Described(
            value =
                "`quick`: attacks that take minutes. `full`: every attack, with the published budgets. `none`: no attacks. `wordings`: misspelled, in other case, split. `noise`: more noise while sampling. `embedding`: the direction of the concept in the text embeddings. `sdedit`: noised images of the target.",
            required = true,
            oneOf = {"quick", "full", "none", "wordings", "noise", "embedding", "sdedit"})
        String kind,
    @Described("Prompts with the target's name. Default: the evaluation's.") List<String> prompts,
    @Described(
            value =
                "`noise`: eta, above 1, default 1.5. `embedding`: factor, default 1. `sdedit`: share of the noise, default 0.6.",
            positive = true)
        @Nullable Double strength,
    @Described("`sdedit`: folder of images of the target.") @Nullable Path originals,
    @Described(
            value =
                "Images that are drawn of each attack. Default: as many as of the target; 12 with `quick`, 24 with `full`.",
            positive = true)
        @Nullable Integer images) {
  /** Attacks that take minutes. */
  public static final String QUICK = "quick";

  /** Every attack, with the published budgets. */
  public static final String FULL = "full";

  /** No attacks. */
  public static final String NONE = "none";

  /**
   * Chooses attacks by their kind.
   *
   * @param kind such as {@link #QUICK}
   * @return the attacks, with their defaults
   */
  public static JobAttack of(String kind) {
    return new JobAttack(kind, List.of(), null, null, null);
  }

  /** {@return whether it stands for a set of attacks, or for none} */
  boolean isPreset() {
    return List.of(QUICK, FULL, NONE).contains(kind);
  }

  /** Copies and checks the values. */
  public JobAttack {
    prompts = prompts == null ? List.of() : List.copyOf(prompts);
  }
}
