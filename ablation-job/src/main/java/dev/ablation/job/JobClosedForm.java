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
 * @param polish whether training by gradient begins with the change and improves it. Default:
 *     {@code false}
 */
@Shorthand("kind")
public record JobClosedForm(
    @Described(
            value =
                "`sequences`: least squares over whole prompts. `uce` (Gandikota et al. 2024). `rece` (Gong et al. 2024), one round. `orthogonal`: a rotation of the weights.",
            required = true,
            oneOf = {"sequences", "uce", "rece", "orthogonal"})
        String kind,
    @Described(value = "Weight of what is removed. Default: the published one.", positive = true)
        @Nullable Double eraseScale,
    @Described(value = "Weight of what is preserved. Default: the published one.", positive = true)
        @Nullable Double preserveScale,
    @Described(
            value = "Weight of staying near the old weights. Default: the published one.",
            positive = true)
        @Nullable Double ridge,
    @Described(
            "Whether training by gradient begins with the change and improves it. Default: `false`.")
        @Nullable Boolean polish) {

  /**
   * Chooses a closed form with its published settings.
   *
   * @param kind such as {@code "uce"}
   * @param polish whether training by gradient begins with it
   * @return the closed form
   */
  public static JobClosedForm of(String kind, boolean polish) {
    return new JobClosedForm(kind, null, null, null, polish ? Boolean.TRUE : null);
  }

  boolean isPolished() {
    return Boolean.TRUE.equals(polish);
  }
}
