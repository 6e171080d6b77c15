package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.concept.ConceptKind;
import dev.ablation.job.internal.Described;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A concept to remove and what the model draws instead.
 *
 * @param kind what the target is. Inferred from the name for the emoji model; others require it
 * @param name the name of a style, an object or a composition; the caption of a memorized image; a
 *     term; a name for prompt pairs
 * @param others further captions of a memorized image, further terms of inappropriate content, or
 *     other names of a style, an instance or a composition, such as translations
 * @param file for {@code prompt-pairs} the file of the pairs, for {@code memorized-image} the image
 * @param pairs for {@code prompt-pairs}: the pairs, in place of a file
 * @param anchor what is drawn instead. The emoji model has a default; others require it
 */
@CheckReturnValue
public record JobTarget(
    @Described("What the target is. Inferred from the name for the emoji model; others require it.")
        @Nullable ConceptKind kind,
    @Described(
            value =
                "The name of a style, an object or a composition; the caption of a memorized image; a term; a name for prompt pairs.",
            required = true)
        String name,
    @Described(
            "Further captions of a memorized image, further terms of inappropriate content, or other names of a style, an instance or a composition, such as translations.")
        List<String> others,
    @Described("For `prompt-pairs` the file of the pairs, for `memorized-image` the image.")
        @Nullable Path file,
    @Described("For `prompt-pairs`: the pairs, in place of a file.") List<JobPair> pairs,
    @Described("What is drawn instead. The emoji model has a default; others require it.")
        @Nullable JobAnchor anchor) {

  /** Copies and checks the values. */
  public JobTarget {
    others = others == null ? List.of() : List.copyOf(others);
    pairs = pairs == null ? List.of() : List.copyOf(pairs);
  }

  /**
   * Names a target with what is drawn instead.
   *
   * @param kind of the target
   * @param name of the target
   * @param anchor name of the anchor, whose images the model draws
   * @return the target
   */
  public static JobTarget of(ConceptKind kind, String name, String anchor) {
    return new JobTarget(kind, name, List.of(), null, List.of(), JobAnchor.generated(anchor));
  }

  /**
   * Names a target of the emoji model, with the anchor that suits it.
   *
   * @param name of a style or an object, or {@code planted}
   * @return the target
   */
  public static JobTarget of(String name) {
    return new JobTarget(null, name, List.of(), null, List.of(), null);
  }
}
