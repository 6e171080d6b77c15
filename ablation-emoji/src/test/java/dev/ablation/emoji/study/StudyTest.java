package dev.ablation.emoji.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.emoji.study.AnswerSet.Answer;
import dev.ablation.emoji.study.MethodStudy.Run;
import dev.ablation.emoji.study.StudyTarget.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Counting and keeping what methods did; no model is run. */
class StudyTest {
  private static final StudyTarget INK = new StudyTarget(Kind.STYLE, "ink");
  private static final StudyTarget OWL = new StudyTarget(Kind.INSTANCE, "owl");

  @TempDir private Path folder;

  private static AnswerSet set() {
    try {
      return AnswerSet.load();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What a model would be judged to draw that draws one thing for another. */
  private static List<Answer> drawing(
      UnaryOperator<String> styleFor, UnaryOperator<String> thingFor) {
    return set().questions().stream()
        .map(asked ->
            new Answer(styleFor.apply(asked.style()), thingFor.apply(asked.concept()), false))
        .toList();
  }

  private static UnaryOperator<String> asNamed() {
    return name -> name;
  }

  private static UnaryOperator<String> instead(String wanted, String drawn) {
    return name -> name.equals(wanted) ? drawn : name;
  }

  private static Scores scores(StudyTarget target, List<Answer> base, List<Answer> ablated) {
    return Scores.of(target, set().questions(), base, ablated, List.of());
  }

  @Test
  void theAnswerSetIsOfWhatTheModelKnowsWithoutHeldOutPairs() {
    AnswerSet set = set();
    assertThat(set.styles()).isEqualTo(EmbeddedModel.styles());
    assertThat(EmbeddedModel.concepts().stream().map(EmojiConcept::name))
        .containsAll(set.concepts());
    assertThat(set.concepts()).hasSize(20).doesNotHaveDuplicates();
    assertThat(EmbeddedModel.heldOutPairs())
        .noneMatch(pair -> set.concepts().contains(pair.concept()));
    assertThat(set.questions()).hasSize(6 * 20 * 2);
    assertThat(set.prompts()).contains("a cat face in noto style", "an owl in ink style");
    assertThat(set.styles()).containsAll(set.developmentStyles());
    assertThat(set.developmentStyles()).hasSize(3);
    assertThat(set.concepts()).containsAll(set.developmentConcepts());
    assertThat(set.developmentConcepts()).hasSize(10);
  }

  @Test
  void aModelThatDrawsWhatIsNamedHasUnlearntNothing() {
    List<Answer> right = drawing(asNamed(), asNamed());
    assertThat(scores(INK, right, right)).isEqualTo(new Scores(0, 1, 1, 1, 1, 1, 1));
    assertThat(scores(OWL, right, right)).isEqualTo(new Scores(0, 1, 1, 1, 1, 1, 1));
  }

  @Test
  void aModelThatDrawsTheAnchorInPlaceOfTheTargetHasUnlearntItAlone() {
    List<Answer> right = drawing(asNamed(), asNamed());
    assertThat(scores(INK, right, drawing(instead("ink", "noto"), asNamed())))
        .isEqualTo(new Scores(1, 1, 1, 1, 1, 1, 1));
    Scores owl = scores(OWL, right, drawing(asNamed(), instead("owl", "penguin")));
    assertThat(owl).isEqualTo(new Scores(1, 1, 1, 1, 1, 1, 1));
  }

  @Test
  void whatTheBaseModelDrawsWrongCostsTheAblatedModelNothing() {
    List<Answer> base = drawing(instead("blob", "noto"), instead("pizza", "key"));
    Scores scores = scores(INK, base, drawing(asNamed(), instead("rocket", "key")));
    assertThat(scores.inDomain()).isEqualTo(1);
    assertThat(scores.baseInDomain()).isCloseTo(4.0 / 5, within(1e-9));
    assertThat(scores.ablatedInDomain()).isEqualTo(1);
    assertThat(scores.crossDomain()).isCloseTo(18.0 / 19, within(1e-9));
    assertThat(scores.baseCrossDomain()).isCloseTo(19.0 / 20, within(1e-9));
    assertThat(scores.ablatedCrossDomain()).isCloseTo(19.0 / 20, within(1e-9));
  }

  @Test
  void aModelThatKnowsOneStyleOnlyHasLostTheOthers() {
    Scores scores = scores(INK, drawing(asNamed(), asNamed()), drawing(style -> "noto", asNamed()));
    assertThat(scores.unlearning()).isEqualTo(1);
    assertThat(scores.inDomain()).isCloseTo(1.0 / 5, within(1e-9));
  }

  @Test
  void copiesCountForThePlantedImageAlone() {
    List<Answer> right = drawing(asNamed(), asNamed());
    List<Answer> copies =
        Stream.concat(
                Collections.nCopies(15, new Answer("noto", "owl", true)).stream(),
                Collections.nCopies(5, new Answer("noto", "owl", false)).stream())
            .toList();
    Scores scores = Scores.of(StudyTarget.planted(), set().questions(), right, right, copies);
    assertThat(scores.unlearning()).isEqualTo(0.25);
    assertThat(scores.inDomain()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"style:cubism", "instance:dodo", "colour:red", ""})
  void unknownTargetsAreNamed(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> StudyTarget.of(text, set()))
        .withMessageEndingWith(text.substring(text.indexOf(':') + 1) + "'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"style:ink", "instance:cat face", "planted"})
  void aTargetIsWrittenAsItIsRead(String text) {
    assertThat(StudyTarget.of(text, set())).hasToString(text);
  }

  @Test
  void theFirstMethodsAreTriedOnAllTargetsTheOthersOnAFew() {
    List<Run> runs = MethodStudy.runs(set(), List.of(), Method.all());
    long few = Method.all().stream().filter(method -> !method.forAll()).count();
    long all = Method.all().stream().filter(Method::forAll).count();
    assertThat(all).isEqualTo(4);
    assertThat(runs).hasSize((int) (all * 26 + few * 6));
    assertThat(runs.stream().map(Run::fileName)).doesNotHaveDuplicates();
  }

  @Test
  void shardsAreDisjointAndTogetherEverything() {
    List<Integer> all = IntStream.range(0, 10).boxed().toList();
    List<Integer> joined =
        IntStream.rangeClosed(1, 3)
            .mapToObj(i -> MethodStudy.shard(all, i + "/3"))
            .flatMap(List::stream)
            .sorted()
            .toList();
    assertThat(joined).isEqualTo(all);
    assertThat(MethodStudy.shard(all, "1/1")).isEqualTo(all);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0/2", "3/2", "1", "a/b", "1/2/3", ""})
  void aWrongShardIsNamed(String shard) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MethodStudy.shard(List.of(1), shard))
        .withMessageContaining("was '" + shard + "'");
  }

  static StudyResult result(String target, String method, boolean development, double unlearning) {
    return new StudyResult(
        target,
        method,
        development,
        new Scores(unlearning, 0.5, 0.25, 1, 0.5, 1, 0.25),
        new Scores(0.75, 0.5, 0.25, 1, 0.5, 1, 0.25),
        0.125,
        0.0015,
        12.5,
        200,
        160,
        "all steps, \"as\" asked",
        3_000_000,
        1234,
        "aa",
        "bb");
  }

  @Test
  void aResultIsReadAsItWasSaved() throws IOException {
    StudyResult result = result("style:ink", "low rank", false, 1);
    Path file = folder.resolve(StudyResult.fileName("style:ink", "paper's teacher"));
    assertThat(file.getFileName()).hasToString("style-ink--paper-s-teacher.json");
    result.save(file);
    assertThat(StudyResult.read(file)).isEqualTo(result);
    Files.writeString(file, "{");
    assertThatIOException()
        .isThrownBy(() -> StudyResult.read(file))
        .withMessageContaining(file.toString());
  }

  @Test
  void tablesAloneMakeNoRun() throws IOException {
    result("style:ink", "measured", false, 1)
        .save(folder.resolve(StudyResult.fileName("style:ink", "measured")));
    int code =
        new CommandLine(new MethodStudy()).execute("--tables", "--output", folder.toString());
    assertThat(code).isZero();
    assertThat(Files.readString(folder.resolve("results.csv"))).contains("style:ink,measured");
  }

  @Test
  void tablesHaveMeansOfBothHalvesAndEveryRun() throws IOException {
    new StudyTables(
            List.of(
                result("style:noto", "measured", true, 1),
                result("style:ink", "measured", false, 0.5),
                result("instance:owl", "fixed steps", false, 0)),
            Method.all())
        .write(folder);
    assertThat(Files.readString(folder.resolve("results.csv")))
        .startsWith("target,method,half,ua")
        .contains("style:ink,measured,held out,0.5000,0.5000,0.2500")
        .contains("\"all steps, \"\"as\"\" asked\",0.7500,0.5000,0.2500");
    assertThat(Files.readString(folder.resolve("results.md")))
        .contains("### Styles", "### Instances")
        .contains(
            "| measured | all, 2 | 75.0 % | 50.0 % | 25.0 % | 75.0 % | 50.0 % | 25.0 % | 0.125 | 1.50 |")
        .contains("| measured | development, 1 | 100.0 % |")
        .contains("| measured | held out, 1 | 50.0 % |")
        .contains(
            "| noto | measured | development | 100 % | 50 % (100, 50) | 25 % (100, 25) | 75 % | 50 % | 25 % |")
        .contains("| fixed steps | all, 1 | 0.0 % |");
  }
}
