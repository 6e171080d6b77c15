package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import dev.ablation.Ablation;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.MemorizedImage;
import dev.ablation.model.DiffusionModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The result of a survey: the copy rate of each prompt and, derived from it, the target and anchor
 * of an ablation.
 *
 * @param survey the survey
 * @param captions copy rates of the captions
 * @param paraphrases copy rates of the paraphrases, in the order in which they were rated; at least
 *     one is low enough for an anchor prompt
 * @param rounds number of times the first pass requested paraphrases
 */
public record SurveyResult(
    MemorizationSurvey survey, List<CopyRate> captions, List<CopyRate> paraphrases, int rounds) {
  /** The anchor's name in provenance. */
  private static final String ANCHOR = "other wordings";

  /** Checks that there is at least one anchor prompt. */
  public SurveyResult {
    Objects.requireNonNull(survey, "survey");
    captions = List.copyOf(captions);
    paraphrases = List.copyOf(paraphrases);
    Preconditions.checkArgument(
        !SurveyRun.anchors(paraphrases, survey.rules()).isEmpty(),
        "at least one paraphrase must have a copy rate of at most %s, were %s",
        survey.rules().anchorRate(),
        paraphrases);
  }

  /**
   * {@return the paraphrases that seldom reproduce the image, in ascending order of copy rate and,
   * for equal rates, of rating; at most {@link SurveyRules#maxAnchors()}}
   */
  public List<CopyRate> anchors() {
    return SurveyRun.anchors(paraphrases, survey.rules());
  }

  /**
   * {@return the paraphrases that reproduce the image, too, in descending order of copy rate; at
   * most {@link SurveyRules#maxTargets()}, and often none}
   */
  public List<CopyRate> targets() {
    return SurveyRun.targets(paraphrases, survey.rules());
  }

  /** {@return the target of an ablation: the captions and the prompts of {@link #targets()}} */
  public MemorizedImage target() {
    MemorizedImage image = survey.image();
    List<String> prompts =
        Stream.concat(image.captions().stream(), targets().stream().map(CopyRate::prompt)).toList();
    return new MemorizedImage(prompts, image.image());
  }

  /**
   * Returns the anchor of an ablation. The model generates images from the prompts of {@link
   * #anchors()}; images that are copies nevertheless are generated again. The plan's preset sets
   * the number of images and how they are generated.
   *
   * @return the strategy
   */
  public CopyFreeAnchors anchor() {
    return new CopyFreeAnchors(
        AnchorStrategy.generated(ANCHOR, anchors().stream().map(CopyRate::prompt).toList()),
        survey.detection(),
        survey.originals(),
        CopyFreeAnchors.ROUNDS);
  }

  /**
   * Creates a plan to remove the image.
   *
   * @param model the model to ablate, the one that was surveyed
   * @return a plan with {@link #target()} and {@link #anchor()} and default settings
   */
  public Ablation plan(DiffusionModel model) {
    return Ablator.of(model).target(target()).anchor(anchor());
  }

  /** {@return a table of each prompt with its copy rate, its highest score and its use} */
  @Override
  public String toString() {
    StringBuilder table = new StringBuilder();
    table.append(
        String.format(
            Locale.ROOT,
            "%s: captions: %d, paraphrases: %d, rounds: %d, images per prompt: %d; copies score"
                + " above %s with %s%n",
            survey.image(),
            captions.size(),
            paraphrases.size(),
            rounds,
            survey.rules().imagesPerPrompt(),
            survey.detection().threshold(),
            survey.detection().extractor().info().name()));
    table.append(String.format(Locale.ROOT, "%6s  %7s  %-7s  %s%n", "copies", "nearest", "", ""));
    captions.forEach(rate -> table.append(line(rate, "caption")));
    List<CopyRate> rest = new ArrayList<>(paraphrases);
    rest.removeAll(targets());
    rest.removeAll(anchors());
    targets().forEach(rate -> table.append(line(rate, "target")));
    rest.forEach(rate -> table.append(line(rate, "-")));
    anchors().forEach(rate -> table.append(line(rate, "anchor")));
    return table.toString();
  }

  private static String line(CopyRate rate, String role) {
    return String.format(
        Locale.ROOT,
        "%4.0f %%  %7.3f  %-7s  %s%n",
        100 * rate.rate(),
        rate.nearest(),
        role,
        rate.prompt());
  }
}
