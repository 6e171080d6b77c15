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
 * What a survey found: the copy rate of each prompt, and with it target and anchor of an ablation.
 *
 * @param survey whose result it is
 * @param captions copy rates of the captions
 * @param wordings copy rates of other wordings, in the order in which they were drawn; at least one
 *     has a rate that makes it an anchor prompt
 * @param rounds how often the first pass asked for wordings
 */
public record SurveyResult(
    MemorizationSurvey survey, List<CopyRate> captions, List<CopyRate> wordings, int rounds) {
  /** The anchor's name in provenance. */
  private static final String ANCHOR = "other wordings";

  /** Checks that there is an anchor prompt. */
  public SurveyResult {
    Objects.requireNonNull(survey, "survey");
    captions = List.copyOf(captions);
    wordings = List.copyOf(wordings);
    Preconditions.checkArgument(
        !SurveyRun.anchors(wordings, survey.rules()).isEmpty(),
        "one of the wordings must have a copy rate of at most %s, were %s",
        survey.rules().anchorRate(),
        wordings);
  }

  /**
   * {@return the wordings that seldom bring the image back, lowest rates first, equal ones in the
   * order of drawing; at most {@link SurveyRules#maxAnchors()}}
   */
  public List<CopyRate> anchors() {
    return SurveyRun.anchors(wordings, survey.rules());
  }

  /**
   * {@return the wordings that bring the image back too, highest rates first; at most {@link
   * SurveyRules#mostTargets()}, and often none}
   */
  public List<CopyRate> targets() {
    return SurveyRun.targets(wordings, survey.rules());
  }

  /** {@return the target of an ablation: the captions and the prompts of {@link #targets()}} */
  public MemorizedImage target() {
    MemorizedImage image = survey.image();
    List<String> prompts =
        Stream.concat(image.captions().stream(), targets().stream().map(CopyRate::prompt)).toList();
    return new MemorizedImage(prompts, image.image());
  }

  /**
   * Returns the anchor of an ablation: the model draws the prompts of {@link #anchors()}, and
   * images that are copies all the same are drawn anew. How many there are and how they are drawn
   * follows from the plan's preset.
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
   * Plans to remove the image.
   *
   * @param model to ablate, the one that was surveyed
   * @return the plan with {@link #target()} and {@link #anchor()}, complete with defaults
   */
  public Ablation plan(DiffusionModel model) {
    return Ablator.of(model).target(target()).anchor(anchor());
  }

  /** {@return a table: each prompt with its copy rate, its nearest image and what it became} */
  @Override
  public String toString() {
    StringBuilder table = new StringBuilder();
    table.append(
        String.format(
            Locale.ROOT,
            "%s: %d captions and %d wordings of %d rounds, %d images each; copies have more than"
                + " %s by %s%n",
            survey.image(),
            captions.size(),
            wordings.size(),
            rounds,
            survey.rules().imagesPerPrompt(),
            survey.detection().threshold(),
            survey.detection().extractor().info().name()));
    table.append(String.format(Locale.ROOT, "%6s  %7s  %-7s  %s%n", "copies", "nearest", "", ""));
    captions.forEach(rate -> table.append(line(rate, "caption")));
    List<CopyRate> rest = new ArrayList<>(wordings);
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
