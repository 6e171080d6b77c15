package dev.ablation.job;

import dev.ablation.job.internal.Described;
import org.jspecify.annotations.Nullable;

/**
 * How many images an evaluation draws of each subject, before and after.
 *
 * @param target of a target
 * @param anchor of an anchor
 * @param neighbour of a neighbour
 * @param unrelated of unrelated prompts
 * @param prompts prompts of a subject that are used
 * @param shown images of a subject that the report shows and the bundle holds
 */
public record JobImageCounts(
    @Described(value = "Of a target.", positive = true) @Nullable Integer target,
    @Described(value = "Of an anchor.", positive = true) @Nullable Integer anchor,
    @Described(value = "Of a neighbour.", positive = true) @Nullable Integer neighbour,
    @Described(value = "Of unrelated prompts.", positive = true) @Nullable Integer unrelated,
    @Described(value = "Prompts of a subject that are used.", positive = true)
        @Nullable Integer prompts,
    @Described(
            value = "Images of a subject that the report shows and the bundle holds.",
            positive = true)
        @Nullable Integer shown) {}
