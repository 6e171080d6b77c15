package dev.ablation.memorized;

import dev.ablation.anchor.PromptRequest;
import dev.ablation.anchor.TooFewPromptsException;
import dev.ablation.memorized.CopyRate.Origin;
import dev.ablation.metric.CopyScores;
import dev.ablation.model.DiffusionModel;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One run of a survey: requests paraphrases, generates images and counts copies. */
final class SurveyRun {
  /** Number of paraphrases to request for each missing anchor prompt, as in the published code. */
  private static final int ASKED_FOR_EACH = 4;

  private final MemorizationSurvey survey;
  private final SurveyRules rules;
  private final DiffusionModel model;
  private final Consumer<? super SurveyProgress> listener;
  private final BooleanSupplier cancelled;
  private final @Nullable CopyRateCache kept;
  private final List<CopyRate> captions = new ArrayList<>();
  private final List<CopyRate> paraphrases = new ArrayList<>();
  private String end = "";
  private int rounds;
  private boolean fromFolder;
  private @Nullable TooFewPromptsException noMore;

  SurveyRun(
      MemorizationSurvey survey,
      DiffusionModel model,
      Consumer<? super SurveyProgress> listener,
      BooleanSupplier cancelled) {
    this.survey = survey;
    this.rules = survey.rules();
    this.model = model;
    this.listener = listener;
    this.cancelled = cancelled;
    Path folder = survey.folder();
    this.kept = folder == null ? null : new CopyRateCache(folder, model, survey);
  }

  static List<CopyRate> anchors(List<CopyRate> paraphrases, SurveyRules rules) {
    return paraphrases.stream()
        .filter(wording -> wording.rate() <= rules.anchorRate())
        .sorted(Comparator.comparingDouble(CopyRate::rate))
        .limit(rules.maxAnchors())
        .toList();
  }

  static List<CopyRate> targets(List<CopyRate> paraphrases, SurveyRules rules) {
    return paraphrases.stream()
        .filter(wording -> wording.rate() >= rules.targetRate())
        .sorted(Comparator.comparingDouble(CopyRate::rate).reversed())
        .limit(rules.maxTargets())
        .toList();
  }

  private List<CopyRate> anchors() {
    return anchors(paraphrases, rules);
  }

  SurveyResult result() throws IOException {
    for (String caption : survey.image().captions()) {
      captions.add(rate(caption, Origin.CAPTION));
      tell();
    }
    firstPass();
    secondPass();
    int found = anchors().size();
    if (found < rules.minAnchors()) {
      throw new TooFewParaphrasesException(
          message(found), found, rules.minAnchors(), paraphrases, noMore);
    }
    return new SurveyResult(survey, captions, paraphrases, rounds);
  }

  /**
   * Rates paraphrases of the captions, alternating between captions, until there are enough anchor
   * prompts.
   */
  private void firstPass() throws IOException {
    int fruitless = 0;
    while (anchors().size() < rules.minAnchors()) {
      if (rounds == rules.maxRounds()) {
        end = "the limit on rounds was reached";
        return;
      }
      if (left() == 0) {
        end = "the limit on prompts was reached";
        return;
      }
      if (fruitless == captions.size()) {
        end = "the source ran out of paraphrases";
        return;
      }
      String caption = captions.get(rounds % captions.size()).prompt();
      List<String> answer = ask(caption, ASKED_FOR_EACH * (rules.minAnchors() - anchors().size()));
      rounds++;
      fruitless = answer.isEmpty() ? fruitless + 1 : 0;
      for (String wording : answer) {
        // Missing target prompts are no reason for another round.
        if (anchors().size() >= rules.minAnchors()
            && (anchors().size() == rules.maxAnchors()
                || targets(paraphrases, rules).size() == rules.maxTargets())) {
          return;
        }
        rateWording(wording, Origin.WORDING);
      }
    }
  }

  /** Rates paraphrases of the anchor prompts found: they often qualify, too. */
  private void secondPass() throws IOException {
    if (rules.paraphrasesPerAnchor() == 0) {
      return;
    }
    for (CopyRate anchor : anchors()) {
      if (left() == 0 || anchors().size() == rules.maxAnchors()) {
        return;
      }
      for (String wording : ask(anchor.prompt(), rules.paraphrasesPerAnchor())) {
        if (anchors().size() < rules.maxAnchors()) {
          rateWording(wording, Origin.WORDING_OF_ANCHOR);
        }
      }
    }
  }

  private int left() {
    return rules.maxPrompts() - paraphrases.size();
  }

  /** {@return the source's prompts, possibly fewer than requested} */
  private List<String> ask(String subject, int count) throws IOException {
    checkCancelled();
    List<String> known = new ArrayList<>();
    captions.forEach(rate -> known.add(rate.prompt()));
    paraphrases.forEach(rate -> known.add(rate.prompt()));
    PromptRequest request =
        PromptRequest.paraphrases(subject, Math.min(count, left())).avoiding(known);
    try {
      return survey.paraphrases().checked().prompts(request);
    } catch (TooFewPromptsException e) {
      noMore = e;
      return e.found();
    }
  }

  private void rateWording(String prompt, Origin origin) throws IOException {
    paraphrases.add(rate(prompt, origin));
    tell();
  }

  /** The noise depends only on the prompt, not on the order of the prompts. */
  private CopyRate rate(String prompt, Origin origin) throws IOException {
    checkCancelled();
    long seed = RandomStreams.seed(survey.seed(), "memorized.rate " + prompt, 0);
    Optional<CopyScores> found = kept == null ? Optional.empty() : kept.read(prompt, seed, survey);
    fromFolder = found.isPresent();
    if (found.isPresent()) {
      return new CopyRate(prompt, origin, found.get());
    }
    List<String> prompts = Collections.nCopies(rules.imagesPerPrompt(), prompt);
    CopyScores scores =
        new DrawnScores(survey.detection(), survey.originals(), survey.sampling())
            .of(model, prompts, seed, cancelled);
    if (kept != null) {
      kept.write(prompt, seed, scores);
    }
    return new CopyRate(prompt, origin, scores);
  }

  private void tell() {
    List<CopyRate> latest = paraphrases.isEmpty() ? captions : paraphrases;
    listener.accept(
        new SurveyProgress(
            latest.get(latest.size() - 1),
            fromFolder,
            captions.size() + paraphrases.size(),
            anchors().size(),
            targets(paraphrases, rules).size()));
  }

  private void checkCancelled() {
    if (cancelled.getAsBoolean() || Thread.currentThread().isInterrupted()) {
      throw new CancellationException(
          "the survey of %s was cancelled after %d prompts"
              .formatted(survey.image(), captions.size() + paraphrases.size()));
    }
  }

  private String message(int found) {
    StringBuilder message = new StringBuilder();
    message.append(
        String.format(
            Locale.ROOT,
            "found %d of %d anchor prompts for %s: %d paraphrases were rated (rounds: %d) before %s",
            found,
            rules.minAnchors(),
            survey.image(),
            paraphrases.size(),
            rounds,
            end));
    paraphrases.stream()
        .mapToDouble(CopyRate::rate)
        .min()
        .ifPresent(lowest ->
            message.append(
                String.format(
                    Locale.ROOT,
                    ", and an anchor has a copy rate of at most %s, while the lowest found was"
                        + " %s",
                    rules.anchorRate(),
                    lowest)));
    return message
        .append("; raise the limits, require fewer anchors or provide paraphrases that differ more")
        .toString();
  }
}
