package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Shorthand;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the model draws in place of a target.
 *
 * @param kind {@code generated}: the model draws the images from prompts. {@code images}: a folder
 *     of captioned images. {@code unconditional}: the empty prompt. {@code other-styles}: other
 *     styles at random. Default: {@code generated}
 * @param name name of the anchor, such as {@code painting}; with {@code other-styles} the subject.
 *     Required but for {@code unconditional}
 * @param prompts for {@code generated} and {@code other-styles}: prompts that draw the anchor.
 *     Default: built-in ones about it
 * @param path A file of such prompts, one a line; for {@code images} the folder
 * @param styles for {@code other-styles}: the styles
 * @param images how many images are drawn, and how. Default: the preset's
 */
@Shorthand("name")
@CheckReturnValue
public record JobAnchor(
    @Described(
            value =
                "`generated`: the model draws the images from prompts. `images`: a folder of captioned images. `unconditional`: the empty prompt. `other-styles`: other styles at random. Default: `generated`.",
            oneOf = {"generated", "images", "unconditional", "other-styles"})
        @Nullable String kind,
    @Described(
            "Name of the anchor, such as `painting`; with `other-styles` the subject. Required but for `unconditional` and the emoji model.")
        @Nullable String name,
    @Described(
            "For `generated` and `other-styles`: prompts that draw the anchor. Default: built-in ones about it.")
        List<String> prompts,
    @Described("A file of such prompts, one a line; for `images` the folder.") @Nullable Path path,
    @Described("For `other-styles`: the styles.") List<String> styles,
    @Described("How many images are drawn, and how. Default: the preset's.")
        @Nullable JobImages images) {

  /** Copies and checks the values. */
  public JobAnchor {
    prompts = prompts == null ? List.of() : List.copyOf(prompts);
    styles = styles == null ? List.of() : List.copyOf(styles);
  }

  /**
   * Names an anchor whose images the model draws from built-in prompts.
   *
   * @param name such as {@code "painting"}
   * @return the anchor
   */
  public static JobAnchor generated(String name) {
    return new JobAnchor(null, name, List.of(), null, List.of(), null);
  }

  /**
   * Changes how many images are drawn, and how.
   *
   * @param changed the new settings; {@code null} for the preset's
   * @return a copy with the given images
   */
  public JobAnchor images(@Nullable JobImages changed) {
    return new JobAnchor(kind, name, prompts, path, styles, changed);
  }
}
