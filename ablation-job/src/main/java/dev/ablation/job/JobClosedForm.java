package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import org.jspecify.annotations.Nullable;

/**
 * A change that is computed from one linear system.
 *
 * @param kind {@code sequences}: least squares over whole prompts. {@code uce} (Gandikota et al.
 *     2024). {@code orthogonal}: a rotation of the weights
 * @param eraseScale weight of what is removed. Default: the published one
 * @param preserveScale weight of what is preserved. Default: the published one
 * @param ridge weight of staying near the old weights. Default: the published one
 */
@Shorthand("kind")
public record JobClosedForm(
    @Described(value = "`sequences`: least squares over whole prompts. `uce` (Gandikota et al. 2024). `orthogonal`: a rotation of the weights.", required = true, oneOf = {"sequences", "uce", "orthogonal"}) String kind,
    @Described(value = "Weight of what is removed. Default: the published one.", positive = true) @Nullable Double eraseScale,
    @Described(value = "Weight of what is preserved. Default: the published one.", positive = true) @Nullable Double preserveScale,
    @Described(value = "Weight of staying near the old weights. Default: the published one.", positive = true) @Nullable Double ridge) {
}
