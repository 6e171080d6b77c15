package dev.ablation.memorized;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.anchor.PromptRequest;
import dev.ablation.anchor.PromptSource;
import dev.ablation.anchor.TooFewPromptsException;
import dev.ablation.concept.Concept;
import dev.ablation.concept.MemorizedImage;
import dev.ablation.memorized.CopyRate.Origin;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.CopyScores;
import dev.ablation.metric.PooledPixels;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class MemorizationSurveyTest {
  private static final String CAPTION = "the caption";
  private static final MemorizedImage IMAGE = Concept.memorized(CAPTION);
  private static final SamplingSettings QUICK =
      SamplingSettings.defaults().steps(1).guidanceScale(1).batchSize(4);
  private static final SurveyRules FEW = SurveyRules.defaults().anchors(2, 3).limits(3, 12);

  @TempDir private Path folder;

  /** Wordings, each with the number of copies among its first images. */
  private static Map<String, Integer> script(Object... wordings) {
    Map<String, Integer> script = new HashMap<>(Map.of(CAPTION, 10));
    for (int i = 0; i < wordings.length; i += 2) {
      script.put((String) wordings[i], (Integer) wordings[i + 1]);
    }
    return script;
  }

  private static MemorizationSurvey survey(PromptSource source) {
    return MemorizationSurvey.of(IMAGE, List.of(ScriptedModel.original()), source)
        .sampling(QUICK)
        .rules(FEW);
  }

  private static MemorizationSurvey survey(String... wordings) {
    return survey(PromptSource.of(List.of(wordings)));
  }

  private static List<String> prompts(List<CopyRate> rates) {
    return rates.stream().map(CopyRate::prompt).toList();
  }

  // What is found

  @Test
  void ratesAreTheSharesOfCopies() throws IOException {
    Map<String, Integer> script = script("a", 3, "b", 4, "c", 6, "d", 0, "e", 10, "f", 5);
    try (ScriptedModel model = new ScriptedModel(script)) {
      SurveyResult result =
          survey("a", "b", "c", "d", "e", "f").rules(FEW.paraphrasesPerAnchor(0)).run(model);
      assertThat(result.captions()).extracting(CopyRate::rate).containsExactly(1.0);
      // With d there are enough anchors, with e enough targets: f is not drawn.
      assertThat(prompts(result.paraphrases())).containsExactly("a", "b", "c", "d", "e");
      assertThat(result.paraphrases())
          .extracting(CopyRate::rate)
          .containsExactly(0.3, 0.4, 0.6, 0.0, 1.0);
      assertThat(prompts(result.anchors())).containsExactly("d", "a");
      assertThat(prompts(result.targets())).containsExactly("e", "c");
      assertThat(result.target().captions()).containsExactly(CAPTION, "e", "c");
      assertThat(result.anchor().prompts(result.target())).containsExactly("d", "a");
      assertThat(result.rounds()).isEqualTo(1);
      assertThat(model.drawn)
          .isEqualTo(Map.of(CAPTION, 10, "a", 10, "b", 10, "c", 10, "d", 10, "e", 10));
    }
  }

  @Test
  void theTableShowsEachPromptOnce() throws IOException {
    try (ScriptedModel model = new ScriptedModel(script("a b", 3, "b", 4, "c", 6, "d", 0))) {
      SurveyResult result =
          survey("a b", "b", "c", "d").rules(FEW.paraphrasesPerAnchor(0)).run(model);
      assertThat(result.toString().lines().map(line -> line.replaceAll(" +", " ").strip()))
          .containsExactly(
              "memorized image 'the caption': captions: 1, paraphrases: 4, rounds: 1, images per"
                  + " prompt: 10; copies score above 0.6 with pooled pixels 32 x 32, mean-free",
              "copies nearest",
              "100 % 1.000 caption the caption",
              "60 % 1.000 target c",
              "40 % 1.000 - b",
              "0 % -1.000 anchor d",
              "30 % 1.000 anchor a b");
    }
  }

  @Test
  void withoutFurtherTargetsTheTargetIsTheCaptions() throws IOException {
    try (ScriptedModel model = new ScriptedModel(script("a", 0, "b", 5, "c", 1))) {
      SurveyResult result = survey("a", "b", "c").run(model);
      assertThat(result.targets()).isEmpty();
      assertThat(result.target()).isEqualTo(IMAGE);
    }
  }

  @Test
  void everyCaptionIsRatedAndReworded() throws IOException {
    List<PromptRequest> asked = new ArrayList<>();
    PromptSource source =
        request -> {
          asked.add(request);
          return List.of(request.subject() + " in other words " + asked.size());
        };
    MemorizationSurvey survey =
        MemorizationSurvey.of(
                Concept.memorized("one", "two"),
                List.of(ScriptedModel.original()),
                oneAtATime(source))
            .sampling(QUICK)
            .rules(FEW.paraphrasesPerAnchor(0));
    try (ScriptedModel model = new ScriptedModel(Map.of("one", 10))) {
      SurveyResult result = survey.run(model);
      assertThat(result.captions()).extracting(CopyRate::rate).containsExactly(1.0, 0.0);
      assertThat(asked).extracting(PromptRequest::subject).containsExactly("one", "two");
      assertThat(asked).extracting(PromptRequest::count).containsExactly(8, 4);
      assertThat(asked.get(1).avoid()).containsExactly("one", "two", "one in other words 1");
    }
  }

  /** A source that checks by itself, and has one prompt an answer. */
  private static PromptSource oneAtATime(PromptSource source) {
    return request -> {
      throw new TooFewPromptsException("one", source.prompts(request), request.count(), null);
    };
  }

  @Test
  void aSecondPassAsksForWordingsOfTheAnchors() throws IOException {
    List<PromptRequest> asked = new ArrayList<>();
    PromptSource source =
        request -> {
          asked.add(request);
          return Stream.of(" one", " two", " three").map(n -> request.subject() + n).toList();
        };
    Map<String, Integer> script = script(CAPTION + " one", 2, CAPTION + " one one", 4);
    try (ScriptedModel model = new ScriptedModel(script)) {
      SurveyResult result =
          survey(oneAtATime(source)).rules(FEW.anchors(3, 5).limits(3, 20)).run(model);
      // The lowest rates are asked for first.
      assertThat(asked)
          .extracting(PromptRequest::subject)
          .containsExactly(CAPTION, CAPTION + " two");
      assertThat(asked.get(1).count()).isEqualTo(2);
      assertThat(result.paraphrases().subList(3, 5))
          .allMatch(rate -> rate.origin() == Origin.WORDING_OF_ANCHOR);
      assertThat(prompts(result.anchors()))
          .containsExactly(
              CAPTION + " two",
              CAPTION + " three",
              CAPTION + " two one",
              CAPTION + " two two",
              CAPTION + " one");
    }
  }

  static Stream<Long> seeds() {
    return Stream.iterate(0L, seed -> seed + 1).limit(40);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void limitsAndRatesHoldWhateverIsDrawn(long seed) throws IOException {
    RandomGenerator random = RandomStreams.stream(seed, "survey", 0);
    List<String> wordings = new ArrayList<>();
    Map<String, Integer> script = script();
    int images = 1 + random.nextInt(4);
    for (int i = 0; i < 1 + random.nextInt(15); i++) {
      wordings.add("wording " + i);
      script.put("wording " + i, random.nextInt(images + 1));
    }
    int least = 1 + random.nextInt(4);
    SurveyRules rules =
        new SurveyRules(
            images,
            0.3,
            0.6,
            least,
            least + random.nextInt(4),
            random.nextInt(3),
            random.nextInt(3),
            1 + random.nextInt(3),
            1 + random.nextInt(15));
    MemorizationSurvey survey = survey(PromptSource.of(wordings)).rules(rules);
    try (ScriptedModel model = new ScriptedModel(script)) {
      List<CopyRate> rated;
      try {
        SurveyResult result = survey.run(model);
        rated = result.paraphrases();
        assertThat(result.rounds()).isLessThanOrEqualTo(rules.maxRounds());
        assertThat(result.anchors())
            .hasSizeBetween(least, rules.maxAnchors())
            .allMatch(rate -> rate.rate() <= 0.3)
            .isSortedAccordingTo((a, b) -> Double.compare(a.rate(), b.rate()));
        assertThat(result.targets())
            .hasSizeLessThanOrEqualTo(rules.maxTargets())
            .allMatch(rate -> rate.rate() >= 0.6);
        assertThat(result.target().captions())
            .hasSize(1 + result.targets().size())
            .startsWith(CAPTION);
        assertThat(result.toString().lines()).hasSize(3 + rated.size());
      } catch (TooFewParaphrasesException e) {
        rated = e.paraphrases();
        assertThat(e.found()).isLessThan(least);
        assertThat(e.found())
            .isEqualTo((int) rated.stream().filter(rate -> rate.rate() <= 0.3).count());
        assertThat(e.needed()).isEqualTo(least);
      }
      assertThat(rated).hasSizeLessThanOrEqualTo(rules.maxPrompts());
      for (CopyRate rate : rated) {
        assertThat(rate.rate()).isEqualTo((double) script.get(rate.prompt()) / images);
        assertThat(model.drawn).containsEntry(rate.prompt(), images);
      }
      assertThat(prompts(rated)).doesNotHaveDuplicates().doesNotContain(CAPTION);
      assertThat(model.drawn).hasSize(1 + rated.size());
    }
  }

  // Limits

  private static PromptSource endless() {
    int[] number = {0};
    return request -> Stream.generate(() -> "copy " + number[0]++).limit(request.count()).toList();
  }

  private static ScriptedModel copier() {
    Map<String, Integer> script = script();
    for (int i = 0; i < 100; i++) {
      script.put("copy " + i, 9);
    }
    return new ScriptedModel(script);
  }

  private static TooFewParaphrasesException fails(MemorizationSurvey survey) {
    try (ScriptedModel model = copier()) {
      return catchThrowableOfType(TooFewParaphrasesException.class, () -> survey.run(model));
    }
  }

  @Test
  void givesUpAfterSomeRounds() {
    TooFewParaphrasesException e =
        fails(survey(endless()).rules(FEW.limits(3, 50).imagesPerPrompt(10)));
    assertThat(e)
        .hasMessage(
            "found 0 of 2 anchor prompts for memorized image 'the caption': 24 paraphrases were"
                + " rated (rounds: 3) before the limit on rounds was reached, and an anchor has a"
                + " copy rate of at most 0.3, while the lowest found was 0.9; raise the limits,"
                + " require fewer anchors or provide paraphrases that differ more");
    assertThat(e.found()).isZero();
    assertThat(e.needed()).isEqualTo(2);
    assertThat(e.paraphrases()).hasSize(24);
  }

  @Test
  void givesUpAfterSomePrompts() {
    TooFewParaphrasesException e = fails(survey(endless()).rules(FEW.limits(30, 11)));
    assertThat(e).hasMessageContaining("11 paraphrases were rated (rounds: 2) before the limit on");
    assertThat(e.paraphrases()).hasSize(11);
  }

  @Test
  void givesUpIfTheSourceHasNoMore() {
    TooFewParaphrasesException e = fails(survey("copy 1", "one", "copy 2"));
    assertThat(e)
        .hasMessageStartingWith("found 1 of 2 anchor prompts")
        .hasMessageContaining(
            "3 paraphrases were rated (rounds: 2) before the source ran out of paraphrases")
        .hasCauseInstanceOf(TooFewPromptsException.class);
  }

  @Test
  void aSourceWithNothingButTheCaptionHasNothing() {
    assertThat(fails(survey("The caption!")))
        .hasMessageContaining(
            "0 paraphrases were rated (rounds: 1) before the source ran out of paraphrases; raise");
  }

  @Test
  void whatTheSourceThrowsIsThrown() {
    MemorizationSurvey survey =
        survey(
            (PromptSource)
                request -> {
                  throw new IOException("no answer");
                });
    try (ScriptedModel model = copier()) {
      assertThatThrownBy(() -> survey.run(model)).isInstanceOf(IOException.class);
    }
  }

  // Progress, cancellation, folder

  @Test
  void progressIsToldAfterEachPrompt() throws IOException {
    List<String> told = new ArrayList<>();
    MemorizationSurvey survey = survey("a", "b", "c").keptIn(folder.resolve("new"));
    try (ScriptedModel model = new ScriptedModel(script("b", 7))) {
      survey.run(model, progress -> told.add(progress.toString()), () -> false);
      assertThat(told)
          .containsExactly(
              "1 prompts rated, 0 anchors and 0 targets found; 'the caption': 10 of 10 images are"
                  + " copies, the nearest at 1.000",
              "2 prompts rated, 1 anchors and 0 targets found; 'a': 0 of 10 images are copies,"
                  + " the nearest at -1.000",
              "3 prompts rated, 1 anchors and 1 targets found; 'b': 7 of 10 images are copies,"
                  + " the nearest at 1.000",
              "4 prompts rated, 2 anchors and 1 targets found; 'c': 0 of 10 images are copies,"
                  + " the nearest at -1.000");
      List<Boolean> kept = new ArrayList<>();
      survey.run(model, progress -> kept.add(progress.fromFolder()), () -> false);
      assertThat(kept).containsExactly(true, true, true, true);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 15, 30})
  void aCancelledSurveyGoesOnWhereItStopped(int questions) throws IOException {
    Map<String, Integer> script = script("a", 2, "b", 7, "c", 1);
    MemorizationSurvey survey = survey("a", "b", "c");
    SurveyResult whole;
    try (ScriptedModel model = new ScriptedModel(script)) {
      whole = survey.run(model);
    }
    MemorizationSurvey kept = survey.keptIn(folder);
    int[] calls = {0};
    List<String> rated = new ArrayList<>();
    try (ScriptedModel model = new ScriptedModel(script)) {
      try {
        kept.run(model, told -> rated.add(told.latest().prompt()), () -> calls[0]++ >= questions);
      } catch (CancellationException e) {
        assertThat(calls[0]).isEqualTo(questions + 1);
      }
    }
    try (ScriptedModel model = new ScriptedModel(script)) {
      SurveyResult result = kept.run(model);
      assertThat(result.paraphrases()).isEqualTo(whole.paraphrases());
      assertThat(result.captions()).isEqualTo(whole.captions());
      assertThat(rated).noneMatch(model.drawn::containsKey);
      assertThat(model.drawn).hasSize(4 - rated.size());
    }
  }

  @Test
  void anInterruptCancels() {
    try (ScriptedModel model = copier()) {
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> survey("a").run(model))
          .isInstanceOf(CancellationException.class)
          .hasMessageContaining("after 0 prompts");
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  static Stream<MemorizationSurvey> otherSurveys() {
    MemorizationSurvey survey = survey("a", "b");
    BufferedImage other = ScriptedModel.original();
    other.setRGB(0, 0, 0);
    return Stream.of(
        survey.seed(1),
        survey.sampling(QUICK.steps(2)),
        survey.sampling(QUICK.negativePrompt("x")),
        survey.sampling(QUICK.batchSize(3)),
        survey.rules(FEW.imagesPerPrompt(9)),
        survey.detection(new CopyDetection(new PooledPixels(16), 0.6)),
        MemorizationSurvey.of(IMAGE, List.of(other), survey.paraphrases())
            .sampling(QUICK)
            .rules(FEW));
  }

  @ParameterizedTest
  @MethodSource("otherSurveys")
  void scoresOfAnotherSurveyAreNotTaken(MemorizationSurvey other) throws IOException {
    try (ScriptedModel model = new ScriptedModel(script())) {
      survey("a", "b").keptIn(folder).run(model);
    }
    try (ScriptedModel model = new ScriptedModel(script())) {
      other.keptIn(folder).run(model);
      assertThat(model.drawn).containsOnlyKeys(CAPTION, "a", "b");
    }
  }

  @Test
  void scoresOfAnotherModelAreNotTaken() throws IOException {
    try (ScriptedModel model = new ScriptedModel(script())) {
      survey("a", "b").keptIn(folder).run(model);
    }
    List<Boolean> kept = new ArrayList<>();
    try (TinyDiffusion model = TinyDiffusion.open(4)) {
      survey("a", "b")
          .rules(FEW.rates(0.5, 0.9))
          .detection(new CopyDetection(new PooledPixels(), 0.999))
          .keptIn(folder)
          .run(model, told -> kept.add(told.fromFolder()), () -> false);
    }
    assertThat(kept).containsExactly(false, false, false);
  }

  @Test
  void anotherThresholdJudgesTheSameScores() throws IOException {
    try (ScriptedModel model = new ScriptedModel(script())) {
      survey("a", "b").keptIn(folder).run(model);
      model.drawn.clear();
      survey("a", "b")
          .detection(new CopyDetection(new PooledPixels(), 0.9))
          .keptIn(folder)
          .run(model);
      assertThat(model.drawn).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "{\"prompt\": \"a\", \"scores\": [1]}", "{\"prompt\": 1}"})
  void aDamagedFileIsDrawnAgain(String content) throws IOException {
    MemorizationSurvey survey = survey("a", "b").keptIn(folder);
    SurveyResult whole;
    try (ScriptedModel model = new ScriptedModel(script("b", 2))) {
      whole = survey.run(model);
    }
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files = all.filter(file -> file.getFileName().toString().startsWith("rate-a-")).toList();
    }
    assertThat(files).hasSize(1);
    Files.writeString(files.get(0), content);
    try (ScriptedModel model = new ScriptedModel(script("b", 2))) {
      assertThat(survey.run(model)).isEqualTo(whole);
      assertThat(model.drawn).containsOnlyKeys("a");
      model.drawn.clear();
      survey.run(model);
      assertThat(model.drawn).isEmpty();
    }
  }

  // Seeds

  private static Map<String, List<Double>> drawnScores(long seed, String... wordings)
      throws IOException {
    try (TinyDiffusion model = TinyDiffusion.open(5)) {
      int before = model.manager().getManagedArrays().size();
      SurveyResult result =
          survey(wordings)
              .rules(FEW.anchors(3, 3).imagesPerPrompt(5))
              .detection(new CopyDetection(new PooledPixels(), 0.99))
              .sampling(SamplingSettings.defaults().steps(3))
              .seed(seed)
              .run(model);
      assertThat(model.manager().getManagedArrays()).hasSize(before);
      Map<String, List<Double>> scores = new HashMap<>();
      Stream.concat(result.captions().stream(), result.paraphrases().stream())
          .forEach(rate -> scores.put(rate.prompt(), rate.scores().scores()));
      return scores;
    }
  }

  @Test
  void aSeedDecidesWhateverTheOrder() throws IOException {
    Map<String, List<Double>> scores = drawnScores(1, "a boat", "the sea", "two waves");
    assertThat(drawnScores(1, "a boat", "the sea", "two waves")).isEqualTo(scores);
    assertThat(drawnScores(1, "two waves", "the sea", "a boat")).isEqualTo(scores);
    assertThat(drawnScores(2, "a boat", "the sea", "two waves").get("a boat"))
        .isNotEqualTo(scores.get("a boat"));
    assertThat(scores.values()).doesNotHaveDuplicates();
  }

  // The percentage

  @Test
  void thePercentageIsThatOfTheCaptionsInTurn() {
    try (ScriptedModel model = new ScriptedModel(Map.of("one", 2, "two", 1))) {
      MemorizationPercentage percentage =
          MemorizationSurvey.of(
                  Concept.memorized("one", "two"),
                  List.of(ScriptedModel.original()),
                  PromptSource.of(List.of("a")))
              .sampling(QUICK)
              .percentage(9);
      CopyScores scores = percentage.of(model);
      assertThat(model.drawn).isEqualTo(Map.of("one", 5, "two", 4));
      assertThat(scores.copies()).containsExactly(0, 1, 2);
      assertThat(scores.percentage()).isEqualTo(100.0 * 3 / 9);
      assertThat(percentage.of(model).percentage()).isZero();
      assertThatThrownBy(() -> percentage.of(model, () -> true))
          .isInstanceOf(CancellationException.class);
    }
  }

  @Test
  void thePercentageDrawsTheSameImagesForASeedAndBatchesDoNotMatter() {
    MemorizationPercentage percentage =
        survey("a").sampling(SamplingSettings.defaults().steps(3)).percentage(6);
    try (TinyDiffusion model = TinyDiffusion.open(5)) {
      List<Double> scores = percentage.of(model).scores();
      assertThat(percentage.of(model).scores()).isEqualTo(scores).doesNotHaveDuplicates();
      MemorizationPercentage fewer =
          new MemorizationPercentage(
              percentage.captions(),
              percentage.originals(),
              percentage.detection(),
              4,
              percentage.sampling(),
              percentage.seed() + 1);
      List<Double> ofFewer = fewer.of(model).scores();
      for (int i = 0; i < 4; i++) {
        assertThat(ofFewer.get(i)).isCloseTo(scores.get(i + 1), within(1e-4));
      }
    }
  }

  // What is refused

  @Test
  void theImageIsReadFromItsFile() throws IOException {
    Path file = folder.resolve("original.png");
    ImageIO.write(ScriptedModel.original(), "png", file.toFile());
    PromptSource source = PromptSource.of(List.of("a"));
    MemorizationSurvey survey = MemorizationSurvey.of(IMAGE.image(file), source);
    assertThat(survey.originals().get(0).getWidth()).isEqualTo(12);
    assertThat(survey.sampling()).isEqualTo(SamplingSettings.defaults());
    assertThat(survey.rules()).isEqualTo(SurveyRules.defaults());
    assertThat(survey.detection().threshold()).isEqualTo(MemorizationSurvey.PIXELS_THRESHOLD);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> MemorizationSurvey.of(IMAGE, source))
        .withMessage(
            "memorized image 'the caption' must have an image file to compare copies with, but has none");
    Path missing = folder.resolve("missing.png");
    assertThatThrownBy(() -> MemorizationSurvey.of(IMAGE.image(missing), source))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(missing.toString());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MemorizationSurvey.of(IMAGE, List.of(), source))
        .withMessage("originals must not be empty");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0.3, 0.6, 5, 10, 2, 2, 10, 100, 'imagesPerPrompt must be positive, was 0'",
    "10, -0.1, 0.6, 5, 10, 2, 2, 10, 100, 'anchorRate must be from 0 to 1, was -0.1'",
    "10, NaN, 0.6, 5, 10, 2, 2, 10, 100, 'anchorRate must be from 0 to 1, was NaN'",
    "10, 0.6, 0.6, 5, 10, 2, 2, 10, 100,"
        + " 'targetRate must be above anchorRate 0.6 and at most 1, was 0.6'",
    "10, 0.3, 1.1, 5, 10, 2, 2, 10, 100,"
        + " 'targetRate must be above anchorRate 0.3 and at most 1, was 1.1'",
    "10, 0.3, 0.6, 0, 10, 2, 2, 10, 100, 'minAnchors must be positive, was 0'",
    "10, 0.3, 0.6, 5, 4, 2, 2, 10, 100, 'maxAnchors must be at least minAnchors 5, was 4'",
    "10, 0.3, 0.6, 5, 10, -1, 2, 10, 100, 'maxTargets must not be negative, was -1'",
    "10, 0.3, 0.6, 5, 10, 2, -1, 10, 100, 'paraphrasesPerAnchor must not be negative, was -1'",
    "10, 0.3, 0.6, 5, 10, 2, 2, 0, 100, 'maxRounds must be positive, was 0'",
    "10, 0.3, 0.6, 5, 10, 2, 2, 10, 0, 'maxPrompts must be positive, was 0'"
  })
  void rulesAreChecked(
      int images,
      double anchorRate,
      double targetRate,
      int least,
      int most,
      int targets,
      int wordings,
      int rounds,
      int prompts,
      String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new SurveyRules(
                images, anchorRate, targetRate, least, most, targets, wordings, rounds, prompts))
        .withMessage(message);
  }

  @Test
  void rulesAreChangedOneByOne() {
    assertThat(
            SurveyRules.defaults()
                .imagesPerPrompt(1)
                .rates(0.1, 0.2)
                .anchors(2, 3)
                .maxTargets(4)
                .paraphrasesPerAnchor(5)
                .limits(6, 7))
        .isEqualTo(new SurveyRules(1, 0.1, 0.2, 2, 3, 4, 5, 6, 7));
  }

  @Test
  void resultsAndMeasurementsAreChecked() {
    MemorizationSurvey survey = survey("a");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new SurveyResult(survey, List.of(), List.of(), 1))
        .withMessage("at least one paraphrase must have a copy rate of at most 0.3, were []");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> survey.percentage(0))
        .withMessage("images must be positive, was 0");
    CopyScores scores = new CopyScores(new PooledPixels().info(), 0.5, List.of(0.0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new CopyRate(" ", Origin.WORDING, scores))
        .withMessage("prompt must not be blank");
  }
}
