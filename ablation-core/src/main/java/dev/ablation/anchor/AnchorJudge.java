package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * Decides whether an anchor image shows the target: a classifier, an image-text score or a copy
 * detector. It must not retain the image.
 *
 * {@snippet class="dev.ablation.Snippets" region="judged-anchor"}
 */
@FunctionalInterface
public interface AnchorJudge {

  /**
   * Judges an image.
   *
   * @param image an RGB image generated for the prompt
   * @param prompt the anchor prompt
   * @return whether the image shows the target
   */
  boolean showsTarget(BufferedImage image, String prompt);

  /** {@return the judge's name in provenance and warnings} */
  default String name() {
    return "judge";
  }

  /**
   * Creates a judge from a predicate.
   *
   * @param name name for provenance
   * @param showsTarget whether an image shows the target
   * @return the judge
   */
  static AnchorJudge of(String name, Predicate<BufferedImage> showsTarget) {
    Objects.requireNonNull(showsTarget, "showsTarget");
    return new NamedJudge(name, (image, prompt) -> showsTarget.test(image));
  }

  /**
   * Creates a judge from a score, such as the similarity of an image to the target's name.
   *
   * @param name name for provenance
   * @param score the score of an image
   * @param threshold the lowest score of an image that shows the target
   * @return the judge
   */
  static AnchorJudge scoring(String name, ToDoubleFunction<BufferedImage> score, double threshold) {
    Objects.requireNonNull(score, "score");
    Preconditions.checkArgument(
        Double.isFinite(threshold), "threshold must be finite, was %s", threshold);
    return of(name + " >= " + threshold, image -> score.applyAsDouble(image) >= threshold);
  }
}
