package dev.ablation.job;

import dev.ablation.job.internal.Described;
import org.jspecify.annotations.Nullable;

/**
 * When training may stop before its last step.
 *
 * @param everySteps steps between two measurements. Default: the evaluator's
 * @param tolerance share of images that may show the target more often than the anchor's prompts do
 * @param minRetention share of the neighbours that must stay
 * @param patience measurements without progress before it stops
 */
public record JobEarlyStopping(
    @Described(value = "Steps between two measurements. Default: the evaluator's.", positive = true)
        @Nullable Integer everySteps,
    @Described("Share of images that may show the target more often than the anchor's prompts do.")
        @Nullable Double tolerance,
    @Described("Share of the neighbours that must stay.") @Nullable Double minRetention,
    @Described(value = "Measurements without progress before it stops.", positive = true)
        @Nullable Integer patience) {}
