package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.awt.image.BufferedImage;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * Tells whether an anchor picture shows the target: a classifier, a score of text and picture, a
 * copy detector. It must not keep the picture.
 *
 * {@snippet class="dev.ablation.Snippets" region="judged-anchor"}
 */
@FunctionalInterface
public interface AnchorJudge {

  /**
   * Looks at a picture.
   *
   * @param picture drawn for the prompt, RGB
   * @param prompt the anchor prompt
   * @return whether it shows the target
   */
  boolean showsTarget(BufferedImage picture, String prompt);

  /** {@return what provenance and warnings call the judge} */
  default String name() {
    return "judge";
  }

  /**
   * A judge from a test of pictures.
   *
   * @param name for provenance
   * @param showsTarget whether a picture shows the target
   * @return the judge
   */
  static AnchorJudge of(String name, Predicate<BufferedImage> showsTarget) {
    Objects.requireNonNull(showsTarget, "showsTarget");
    return new NamedJudge(name, (picture, prompt) -> showsTarget.test(picture));
  }

  /**
   * A judge from a score, such as the similarity of a picture to the target's name.
   *
   * @param name for provenance
   * @param score of a picture
   * @param threshold a picture with this score or a higher one shows the target
   * @return the judge
   */
  static AnchorJudge scoring(String name, ToDoubleFunction<BufferedImage> score, double threshold) {
    Objects.requireNonNull(score, "score");
    Preconditions.checkArgument(
        Double.isFinite(threshold), "threshold must be finite, was %s", threshold);
    return of(name + " >= " + threshold, picture -> score.applyAsDouble(picture) >= threshold);
  }
}
