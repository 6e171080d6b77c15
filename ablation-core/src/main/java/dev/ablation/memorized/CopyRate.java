package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import dev.ablation.metric.CopyScores;
import java.util.Collections;
import java.util.Locale;
import java.util.Objects;

/**
 * How often a prompt reproduces a memorized image.
 *
 * @param prompt the prompt
 * @param origin the prompt's origin
 * @param scores scores of the images generated from it
 */
public record CopyRate(String prompt, Origin origin, CopyScores scores) {

  /** The origin of a prompt. */
  public enum Origin {
    /** One of the image's captions. */
    CAPTION,
    /** A paraphrase of a caption. */
    WORDING,
    /** A paraphrase of an anchor prompt found earlier. */
    WORDING_OF_ANCHOR
  }

  /** Checks that nothing is missing and that the prompt is not blank. */
  public CopyRate {
    Objects.requireNonNull(origin, "origin");
    Objects.requireNonNull(scores, "scores");
    Preconditions.checkArgument(!prompt.isBlank(), "prompt must not be blank");
  }

  /** {@return the share of the images that are copies, 0 to 1} */
  public double rate() {
    return (double) scores.copies().size() / scores.scores().size();
  }

  /** {@return the highest score of the images, a cosine, so at most 1} */
  public double nearest() {
    return Collections.max(scores.scores());
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "'%s': %d of %d images are copies, the nearest at %.3f",
        prompt,
        scores.copies().size(),
        scores.scores().size(),
        nearest());
  }
}
