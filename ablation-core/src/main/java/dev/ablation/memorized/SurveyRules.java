package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import java.util.function.Consumer;

/**
 * What a {@link MemorizationSurvey} takes for an anchor and for a target, and when it stops. Every
 * method returns a changed copy.
 *
 * @param imagesPerPrompt how many images are drawn to find a prompt's copy rate, positive
 * @param anchorRate a prompt with this copy rate or a lower one is an anchor prompt, 0 to 1
 * @param targetRate a prompt with this copy rate or a higher one is a target prompt, above {@code
 *     anchorRate} and at most 1
 * @param minAnchors the survey asks on until there are so many anchor prompts, and fails if there
 *     are fewer in the end, positive
 * @param maxAnchors how many anchor prompts are used, the lowest copy rates first; at least {@code
 *     minAnchors}
 * @param mostTargets how many target prompts are added to the captions, not negative
 * @param wordingsOfAnchor how many other wordings of each anchor prompt the second pass asks for
 *     while there are fewer than {@code maxAnchors}; 0 leaves that pass out
 * @param mostRounds how often the first pass asks for wordings, positive
 * @param mostPrompts how many wordings are drawn in all, positive; the captions do not count
 */
public record SurveyRules(
    int imagesPerPrompt,
    double anchorRate,
    double targetRate,
    int minAnchors,
    int maxAnchors,
    int mostTargets,
    int wordingsOfAnchor,
    int mostRounds,
    int mostPrompts) {

  /** Checks the ranges. */
  public SurveyRules {
    Preconditions.checkArgument(
        imagesPerPrompt > 0, "imagesPerPrompt must be positive, was %s", imagesPerPrompt);
    Preconditions.checkArgument(
        anchorRate >= 0 && anchorRate <= 1, "anchorRate must be from 0 to 1, was %s", anchorRate);
    Preconditions.checkArgument(
        targetRate > anchorRate && targetRate <= 1,
        "targetRate must be above anchorRate %s and at most 1, was %s",
        anchorRate,
        targetRate);
    Preconditions.checkArgument(minAnchors > 0, "minAnchors must be positive, was %s", minAnchors);
    Preconditions.checkArgument(
        maxAnchors >= minAnchors,
        "maxAnchors must be at least minAnchors %s, was %s",
        minAnchors,
        maxAnchors);
    Preconditions.checkArgument(
        mostTargets >= 0, "mostTargets must not be negative, was %s", mostTargets);
    Preconditions.checkArgument(
        wordingsOfAnchor >= 0, "wordingsOfAnchor must not be negative, was %s", wordingsOfAnchor);
    Preconditions.checkArgument(mostRounds > 0, "mostRounds must be positive, was %s", mostRounds);
    Preconditions.checkArgument(
        mostPrompts > 0, "mostPrompts must be positive, was %s", mostPrompts);
  }

  /**
   * The numbers of the published code: 10 images for each prompt, at most 0.3 copies for an anchor
   * and at least 0.6 for a target, 5 to 10 anchor prompts and up to 2 further targets, 2 wordings
   * of each anchor prompt. The published loop has no limit; here it ends after 10 rounds or 100
   * prompts.
   *
   * @return the rules
   */
  public static SurveyRules defaults() {
    return new SurveyRules(10, 0.3, 0.6, 5, 10, 2, 2, 10, 100);
  }

  /**
   * Changes how many images are drawn for each prompt.
   *
   * @param images positive
   * @return a changed copy
   */
  public SurveyRules imagesPerPrompt(int images) {
    return changed(draft -> draft.imagesPerPrompt = images);
  }

  /**
   * Changes which copy rates make an anchor and a target.
   *
   * @param anchorRate highest copy rate of an anchor prompt, 0 to 1
   * @param targetRate lowest copy rate of a target prompt, above {@code anchorRate} and at most 1
   * @return a changed copy
   */
  public SurveyRules rates(double anchorRate, double targetRate) {
    return changed(draft -> {
      draft.anchorRate = anchorRate;
      draft.targetRate = targetRate;
    });
  }

  /**
   * Changes how many anchor prompts there are.
   *
   * @param least needed, positive
   * @param most used, at least {@code least}
   * @return a changed copy
   */
  public SurveyRules anchors(int least, int most) {
    return changed(draft -> {
      draft.minAnchors = least;
      draft.maxAnchors = most;
    });
  }

  /**
   * Changes how many target prompts are added to the captions.
   *
   * @param most not negative
   * @return a changed copy
   */
  public SurveyRules mostTargets(int most) {
    return changed(draft -> draft.mostTargets = most);
  }

  /**
   * Changes the second pass.
   *
   * @param wordings how many of each anchor prompt; 0 leaves the pass out
   * @return a changed copy
   */
  public SurveyRules wordingsOfAnchor(int wordings) {
    return changed(draft -> draft.wordingsOfAnchor = wordings);
  }

  /**
   * Changes when the survey gives up.
   *
   * @param rounds how often the first pass asks for wordings, positive
   * @param prompts how many wordings are drawn in all, positive
   * @return a changed copy
   */
  public SurveyRules limits(int rounds, int prompts) {
    return changed(draft -> {
      draft.mostRounds = rounds;
      draft.mostPrompts = prompts;
    });
  }

  private SurveyRules changed(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return new SurveyRules(
        draft.imagesPerPrompt,
        draft.anchorRate,
        draft.targetRate,
        draft.minAnchors,
        draft.maxAnchors,
        draft.mostTargets,
        draft.wordingsOfAnchor,
        draft.mostRounds,
        draft.mostPrompts);
  }

  /** The rules while some of them are changed. */
  private static final class Draft {
    private int imagesPerPrompt;
    private double anchorRate;
    private double targetRate;
    private int minAnchors;
    private int maxAnchors;
    private int mostTargets;
    private int wordingsOfAnchor;
    private int mostRounds;
    private int mostPrompts;

    Draft(SurveyRules from) {
      imagesPerPrompt = from.imagesPerPrompt;
      anchorRate = from.anchorRate;
      targetRate = from.targetRate;
      minAnchors = from.minAnchors;
      maxAnchors = from.maxAnchors;
      mostTargets = from.mostTargets;
      wordingsOfAnchor = from.wordingsOfAnchor;
      mostRounds = from.mostRounds;
      mostPrompts = from.mostPrompts;
    }
  }
}
