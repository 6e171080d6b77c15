package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * Tells whether an anchor image shows the target: a classifier, a score of text and image, a copy
 * detector. It must not keep the image.
 *
 * {@snippet class="dev.ablation.Snippets" region="judged-anchor"}
 */
@FunctionalInterface
public interface AnchorJudge {

  /**
   * Looks at an image.
   *
   * @param image drawn for the prompt, RGB
   * @param prompt the anchor prompt
   * @return whether it shows the target
   */
  boolean showsTarget(BufferedImage image, String prompt);

  /** {@return what provenance and warnings call the judge} */
  default String name() {
    return "judge";
  }

  /**
   * A judge from a test of images.
   *
   * @param name for provenance
   * @param showsTarget whether an image shows the target
   * @return the judge
   */
  static AnchorJudge of(String name, Predicate<BufferedImage> showsTarget) {
    Objects.requireNonNull(showsTarget, "showsTarget");
    return new NamedJudge(name, (image, prompt) -> showsTarget.test(image));
  }

  /**
   * A judge from a score, such as the similarity of an image to the target's name.
   *
   * @param name for provenance
   * @param score of an image
   * @param threshold an image with this score or a higher one shows the target
   * @return the judge
   */
  static AnchorJudge scoring(String name, ToDoubleFunction<BufferedImage> score, double threshold) {
    Objects.requireNonNull(score, "score");
    Preconditions.checkArgument(
        Double.isFinite(threshold), "threshold must be finite, was %s", threshold);
    return of(name + " >= " + threshold, image -> score.applyAsDouble(image) >= threshold);
  }
}
