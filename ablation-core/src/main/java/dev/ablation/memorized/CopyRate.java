package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import dev.ablation.metric.CopyScores;
import java.util.Collections;
import java.util.Locale;
import java.util.Objects;

/**
 * How often a prompt brings a memorised image back.
 *
 * @param prompt what was drawn
 * @param origin where the prompt comes from
 * @param scores of the images that were drawn for it
 */
public record CopyRate(String prompt, Origin origin, CopyScores scores) {

  /** Where a prompt comes from. */
  public enum Origin {
    /** One of the image's captions. */
    CAPTION,
    /** Another wording of a caption. */
    WORDING,
    /** Another wording of an anchor prompt that was found. */
    WORDING_OF_ANCHOR
  }

  /** Checks the prompt. */
  public CopyRate {
    Objects.requireNonNull(origin, "origin");
    Objects.requireNonNull(scores, "scores");
    Preconditions.checkArgument(!prompt.isBlank(), "prompt must not be blank");
  }

  /** {@return the share of the images that are copies, 0 to 1} */
  public double rate() {
    return (double) scores.copies().size() / scores.scores().size();
  }

  /** {@return the highest score of an image: a cosine, so at most 1} */
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
