package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * How often anchor images show the target. This share is a lower limit for what training can reach:
 * once target prompts behave like anchor prompts, their images show the target this often.
 *
 * @param judge the judge's name
 * @param prompts the counts for each prompt
 */
public record AnchorJudgement(String judge, List<OfPrompt> prompts) {

  /**
   * The counts for one prompt.
   *
   * @param prompt the anchor prompt
   * @param judged number of its images that were judged, positive
   * @param showing number of these that show the target
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

  /** {@return the number of judged images} */
  public int judged() {
    return prompts.stream().mapToInt(OfPrompt::judged).sum();
  }

  /** {@return the number of judged images that show the target} */
  public int showing() {
    return prompts.stream().mapToInt(OfPrompt::showing).sum();
  }

  /** {@return the share of judged images that show the target, 0 to 1; NaN if none was judged} */
  public double share() {
    return (double) showing() / judged();
  }

  /**
   * Returns the prompts that lead to the target, sorted by descending share.
   *
   * @param above a prompt leads to the target if a larger share of its images shows it
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
