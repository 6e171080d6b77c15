package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.function.Consumer;

/**
 * Criteria of a {@link MemorizationSurvey} for anchor and target prompts, and its limits.
 *
 * @param imagesPerPrompt number of images that determine a prompt's copy rate, positive
 * @param anchorRate maximum copy rate of an anchor prompt, 0 to 1
 * @param targetRate minimum copy rate of a target prompt, above {@code anchorRate} and at most 1
 * @param minAnchors number of anchor prompts at which the survey stops requesting paraphrases; it
 *     fails if it finds fewer; positive
 * @param maxAnchors maximum number of anchor prompts to use, those with the lowest copy rates; at
 *     least {@code minAnchors}
 * @param maxTargets maximum number of target prompts in addition to the captions, not negative
 * @param paraphrasesPerAnchor number of paraphrases of each anchor prompt that the second pass
 *     requests if there are fewer than {@code maxAnchors}; 0 to skip this pass
 * @param maxRounds maximum number of times the first pass requests paraphrases, positive
 * @param maxPrompts maximum total number of paraphrases to rate, positive; does not include the
 *     captions
 */
@CheckReturnValue
public record SurveyRules(
    int imagesPerPrompt,
    double anchorRate,
    double targetRate,
    int minAnchors,
    int maxAnchors,
    int maxTargets,
    int paraphrasesPerAnchor,
    int maxRounds,
    int maxPrompts) {

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
        maxTargets >= 0, "maxTargets must not be negative, was %s", maxTargets);
    Preconditions.checkArgument(
        paraphrasesPerAnchor >= 0,
        "paraphrasesPerAnchor must not be negative, was %s",
        paraphrasesPerAnchor);
    Preconditions.checkArgument(maxRounds > 0, "maxRounds must be positive, was %s", maxRounds);
    Preconditions.checkArgument(maxPrompts > 0, "maxPrompts must be positive, was %s", maxPrompts);
  }

  /**
   * Returns the numbers of the published code: 10 images for each prompt, a copy rate of at most
   * 0.3 for an anchor and at least 0.6 for a target, 5 to 10 anchor prompts and up to 2 additional
   * targets, 2 paraphrases of each anchor prompt. The published loop has no limit; this one ends
   * after 10 rounds or 100 prompts.
   *
   * @return the rules
   */
  public static SurveyRules defaults() {
    return new SurveyRules(10, 0.3, 0.6, 5, 10, 2, 2, 10, 100);
  }

  /**
   * Changes the number of images for each prompt.
   *
   * @param images number of images, positive
   * @return a copy with the given number of images
   */
  public SurveyRules imagesPerPrompt(int images) {
    return changed(draft -> draft.imagesPerPrompt = images);
  }

  /**
   * Changes the copy rates of anchor and target prompts.
   *
   * @param anchorRate maximum copy rate of an anchor prompt, 0 to 1
   * @param targetRate minimum copy rate of a target prompt, above {@code anchorRate} and at most 1
   * @return a copy with the given rates
   */
  public SurveyRules rates(double anchorRate, double targetRate) {
    return changed(draft -> {
      draft.anchorRate = anchorRate;
      draft.targetRate = targetRate;
    });
  }

  /**
   * Changes the number of anchor prompts.
   *
   * @param min minimum number, positive
   * @param max maximum number, at least {@code min}
   * @return a copy with the given numbers
   */
  public SurveyRules anchors(int min, int max) {
    return changed(draft -> {
      draft.minAnchors = min;
      draft.maxAnchors = max;
    });
  }

  /**
   * Changes how many target prompts are added to the captions.
   *
   * @param max maximum number, not negative
   * @return a copy with the given maximum
   */
  public SurveyRules maxTargets(int max) {
    return changed(draft -> draft.maxTargets = max);
  }

  /**
   * Changes the second pass.
   *
   * @param paraphrases number of paraphrases of each anchor prompt; 0 to skip the pass
   * @return a copy with the given number
   */
  public SurveyRules paraphrasesPerAnchor(int paraphrases) {
    return changed(draft -> draft.paraphrasesPerAnchor = paraphrases);
  }

  /**
   * Changes the limits of the survey.
   *
   * @param rounds maximum number of times the first pass requests paraphrases, positive
   * @param prompts maximum total number of paraphrases to rate, positive
   * @return a copy with the given limits
   */
  public SurveyRules limits(int rounds, int prompts) {
    return changed(draft -> {
      draft.maxRounds = rounds;
      draft.maxPrompts = prompts;
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
        draft.maxTargets,
        draft.paraphrasesPerAnchor,
        draft.maxRounds,
        draft.maxPrompts);
  }

  /** The rules while a copy is being made. */
  private static final class Draft {
    private int imagesPerPrompt;
    private double anchorRate;
    private double targetRate;
    private int minAnchors;
    private int maxAnchors;
    private int maxTargets;
    private int paraphrasesPerAnchor;
    private int maxRounds;
    private int maxPrompts;

    Draft(SurveyRules from) {
      imagesPerPrompt = from.imagesPerPrompt;
      anchorRate = from.anchorRate;
      targetRate = from.targetRate;
      minAnchors = from.minAnchors;
      maxAnchors = from.maxAnchors;
      maxTargets = from.maxTargets;
      paraphrasesPerAnchor = from.paraphrasesPerAnchor;
      maxRounds = from.maxRounds;
      maxPrompts = from.maxPrompts;
    }
  }
}
