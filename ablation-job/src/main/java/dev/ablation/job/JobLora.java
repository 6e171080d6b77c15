package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * Low-rank training (Hu et al. 2021).
 *
 * @param rank rank of the factors
 * @param alpha scale of their product times the rank. Default: the rank
 * @param start first values of A: {@code kaiming} or {@code gaussian}
 */
@Shorthand("rank")
public record JobLora(
    @Described(value = "Rank of the factors.", required = true, positive = true) Integer rank,
    @Described(value = "Scale of their product times the rank. Default: the rank.", positive = true)
        @Nullable Double alpha,
    @Described(
            value = "First values of A: `kaiming` or `gaussian`.",
            oneOf = {"kaiming", "gaussian"})
        @Nullable String start) {}
