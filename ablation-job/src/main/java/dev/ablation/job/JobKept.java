package dev.ablation.job;

import dev.ablation.job.internal.Described;
import org.jspecify.annotations.Nullable;

/**
 * What redirection keeps: images of what stays, whose predictions must not change.
 *
 * @param images how many are drawn. Default: 192
 * @param batchSize how many are in a step. Default: 10
 * @param weight of their error beside the redirection's. Default: the recommended one
 */
public record JobKept(
    @Described(value = "How many are drawn. Default: 192.", positive = true)
        @Nullable Integer images,
    @Described(value = "How many are in a step. Default: 10.", positive = true)
        @Nullable Integer batchSize,
    @Described(
            value = "Of their error beside the redirection's. Default: the recommended one.",
            positive = true)
        @Nullable Double weight) {}
