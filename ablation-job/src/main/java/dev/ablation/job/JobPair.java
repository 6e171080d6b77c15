package dev.ablation.job;

import dev.ablation.job.internal.Described;

/**
 * Two prompts: one that draws the target and one that draws what is drawn instead.
 *
 * @param anchor the prompt that draws what is drawn instead
 * @param target the prompt that draws the target
 */
public record JobPair(
    @Described(value = "The prompt that draws what is drawn instead.", required = true)
        String anchor,
    @Described(value = "The prompt that draws the target.", required = true) String target) {}
