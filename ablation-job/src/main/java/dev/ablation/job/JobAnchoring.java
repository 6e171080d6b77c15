package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * Random text embeddings whose predictions stay.
 *
 * @param weight of their error beside the removal's. Default: 1000
 * @param embeddings drawn in each step. Default: 4
 */
@Shorthand("weight")
public record JobAnchoring(
    @Described(value = "Of their error beside the removal's. Default: 1000.", positive = true)
        @Nullable Double weight,
    @Described(value = "Drawn in each step. Default: 4.", positive = true)
        @Nullable Integer embeddings) {}
