package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * How often anchor images show the target. The share bounds what training can erase: when the
 * target's prompts draw what the anchor's prompts draw, they draw the target this often.
 *
 * @param judge who looked
 * @param prompts what was seen for each prompt
 */
public record AnchorJudgement(String judge, List<OfPrompt> prompts) {

  /**
   * What was seen for one prompt.
   *
   * @param prompt anchor prompt
   * @param judged how many of its images were looked at, positive
   * @param showing how many of them show the target
   */
  public record OfPrompt(String prompt, int judged, int showing) {

    /** Checks the numbers. */
    public OfPrompt {
      Preconditions.checkArgument(
          judged > 0 && showing >= 0 && showing <= judged,
          "showing must be from 0 to judged, and judged positive, were %s and %s",
          showing,
          judged);
    }

    /** {@return the share of images that show the target, 0 to 1} */
    public double share() {
      return (double) showing / judged;
    }
  }

  /** Copies the list. */
  public AnchorJudgement {
    prompts = List.copyOf(prompts);
  }

  /** {@return how many images were looked at} */
  public int judged() {
    return prompts.stream().mapToInt(OfPrompt::judged).sum();
  }

  /** {@return how many of them show the target} */
  public int showing() {
    return prompts.stream().mapToInt(OfPrompt::showing).sum();
  }

  /** {@return the share of images that show the target, 0 to 1; NaN if none was looked at} */
  public double share() {
    return (double) showing() / judged();
  }

  /**
   * Returns the prompts that lead to the target, those that do most often first.
   *
   * @param above a prompt leads there if a larger share of its images shows the target
   * @return the prompts
   */
  public List<OfPrompt> leading(double above) {
    return prompts.stream()
        .filter(prompt -> prompt.share() > above)
        .sorted(Comparator.comparingDouble(OfPrompt::share).reversed())
        .toList();
  }

  @Override
  public String toString() {
    return judged() == 0
        ? "no image was judged"
        : String.format(
            Locale.ROOT,
            "%d of %d images show the target (%.0f %%)",
            showing(),
            judged(),
            100 * share());
  }
}
