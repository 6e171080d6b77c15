package dev.ablation.emoji.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.entry;

import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.study.AnswerSet.Answer;
import dev.ablation.emoji.study.AnswerSet.Question;
import dev.ablation.emoji.study.SequenceResult.Figures;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class SequenceStudyTest {
  private static final StudyTarget INK = new StudyTarget(Kind.STYLE, "ink");
  private static final StudyTarget OWL = new StudyTarget(Kind.INSTANCE, "owl");
  private static final AnswerSet SMALL =
      new AnswerSet(
          List.of("noto", "ink"), List.of("owl", "pizza", "rocket"), 1, 188, List.of(), List.of());

  @TempDir private Path folder;

  private static List<Answer> drawing(UnaryOperator<Question> drawn) {
    return SMALL.questions().stream()
        .map(drawn)
        .map(shown -> new Answer(shown.style(), shown.concept(), false))
        .toList();
  }

  private static Question without(Question asked, boolean ink, boolean owl) {
    return new Question(
        ink && asked.style().equals("ink") ? "noto" : asked.style(),
        owl && asked.concept().equals("owl") ? "dove" : asked.concept());
  }

  private static Figures figures(List<StudyTarget> undone, List<Answer> ablated) {
    return Figures.of(
        List.of(INK, OWL), undone, SMALL.questions(), drawing(asked -> asked), ablated);
  }

  @Test
  void everyTargetIsCountedByItselfAndWhatNamesNoneIsKept() {
    Figures both = figures(List.of(), drawing(asked -> without(asked, true, true)));
    assertThat(both.gone()).containsExactly(entry("style:ink", 1.0), entry("instance:owl", 1.0));
    assertThat(both).extracting(Figures::objects, Figures::styles).containsExactly(1.0, 1.0);
    Figures later = figures(List.of(), drawing(asked -> without(asked, false, true)));
    assertThat(later.leastGone()).isEqualTo(entry("style:ink", 0.0));
    assertThat(later.meanGone()).isEqualTo(0.5);
    Figures lost =
        figures(List.of(), drawing(asked -> new Question("noto", "pizza"))); // whatever is asked
    assertThat(lost.objects()).isEqualTo(0.5); // of pizza and rocket in noto style
    assertThat(lost.styles()).isEqualTo(1);
  }

  @Test
  void whatWasTakenOutAgainIsBackWhereNothingElseIsNamed() {
    Figures back = figures(List.of(INK), drawing(asked -> without(asked, false, true)));
    assertThat(back.gone()).containsExactly(entry("instance:owl", 1.0));
    assertThat(back.back()).containsExactly(entry("style:ink", 1.0));
    assertThat(back.styles()).isEqualTo(1);
    Figures notBack = figures(List.of(INK), drawing(asked -> without(asked, true, true)));
    assertThat(notBack.meanBack()).isZero();
    assertThat(notBack.styles()).isEqualTo(0.5);
  }

  @Test
  void undoesInAnOrderOfItsOwn() {
    assertThat(SequenceStudy.undoing(10))
        .containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
        .isEqualTo(SequenceStudy.undoing(10))
        .isNotEqualTo(List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9))
        .isNotEqualTo(List.of(9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
  }

  @ParameterizedTest
  @CsvSource({
    "'style:ink', closed form, 1, 'at least two different styles or objects'",
    "'style:ink,style:ink', closed form, 1, 'at least two different styles or objects'",
    "'style:ink,planted', closed form, 1, 'at least two different styles or objects'",
    "'style:ink,style:none', closed form, 1, 'style must be one of'",
    "'style:ink,style:blob', magic, 1, '--method must be'",
    "'style:ink,style:blob', closed form, 0, 'must be positive'"
  })
  void refusesBadInputBeforeItStarts(String targets, String method, String images, String error) {
    Path output = folder.resolve("out");
    StringWriter errors = new StringWriter();
    int code =
        new CommandLine(new SequenceStudy())
            .setErr(new PrintWriter(errors))
            .execute(
                "--targets",
                targets,
                "--method",
                method,
                "--images",
                images,
                "--output",
                output.toString());
    assertThat(code).isNotZero();
    assertThat(errors.toString()).contains(error);
    assertThat(output).doesNotExist();
  }

  @Test
  void refusesWaysThatItDoesNotKnow() {
    StringWriter errors = new StringWriter();
    int code =
        new CommandLine(new SequenceStudy())
            .setErr(new PrintWriter(errors))
            .execute("--ways", "one after another,at random", "--output", folder.toString());
    assertThat(code).isNotZero();
    assertThat(errors.toString()).contains("--ways must be some of", "all at once", "'at random'");
  }

  @Test
  void removesTwoConceptsInEveryWayOnce() throws IOException {
    SamplingSettings fast = EmbeddedModel.recommendedSampling().steps(4).batchSize(6);
    assertThat(study("style:ink,instance:owl").call(SMALL, fast)).isZero();
    List<SequenceResult> results = results();
    assertThat(results)
        .extracting(result -> result.way() + " " + result.undone().size())
        .containsExactlyInAnyOrder(
            "one after another 0",
            "one after another 1",
            "deltas added 0",
            "deltas added 1",
            "all at once 0");
    assertThat(results)
        .allSatisfy(result -> {
          assertThat(result.removed()).containsExactly("style:ink", "instance:owl");
          assertThat(result.figures().meanGone()).isGreaterThan(0.6);
        });
    assertThat(Files.readString(folder.resolve("sequences.md")))
        .contains("| closed form | 2 | one after another |", "| closed form | 2 | 1 |")
        .contains("closed form, deltas added: the largest change of a weight is");
    assertThat(folder.resolve("sequences.png")).isNotEmptyFile();

    Map<String, FileTime> before = made();
    assertThat(study("style:ink,instance:owl").call(SMALL, fast)).isZero();
    assertThat(made()).isEqualTo(before);
  }

  /**
   * Training learns from the model that the former deltas left, and all at once from all anchors.
   */
  @Test
  void removesByTrainingInEveryWay() throws IOException {
    try (StableDiffusion model = EmbeddedModel.open();
        ProgressBars bars = ProgressBars.onStandardError(false)) {
      SequenceDeltas deltas =
          new SequenceDeltas(
              model,
              bars,
              folder,
              SequenceStudy.GRADIENT,
              ablation -> ablation.images(1).training(t -> t.steps(1).batchSize(1)));
      List<StudyTarget> targets = List.of(INK, OWL);
      List<Path> sequence = deltas.of(SequenceWay.ONE_AFTER_ANOTHER, targets);
      List<Path> added = deltas.of(SequenceWay.ADDED, targets);
      List<Path> once = deltas.of(SequenceWay.ALL_AT_ONCE, targets);
      assertThat(sequence.get(0)).as("every way begins so").isEqualTo(added.get(0));
      assertThat(once).hasSize(1);
      try (WeightDelta second = WeightDelta.load(sequence.get(1), model.manager());
          WeightDelta alone = WeightDelta.load(added.get(1), model.manager());
          WeightDelta both = WeightDelta.load(once.get(0), model.manager());
          WeightDelta sum = deltas.sum(sequence).orElseThrow()) {
        assertThat(second.provenance().settings()).containsKey("base.applied.sha256");
        assertThat(alone.provenance().settings()).doesNotContainKey("base.applied.sha256");
        assertThat(both.provenance().targets()).containsExactly("style 'ink'", "instance 'an owl'");
        assertThat(sum.norm()).isPositive();
        assertThat(sum.differencesFrom(model)).isEmpty();
      }
      assertThat(deltas.seconds(sequence)).isPositive();
    }
  }

  private SequenceStudy study(String targets) {
    SequenceStudy study = new SequenceStudy();
    new CommandLine(study)
        .parseArgs("--targets", targets, "--after", "2", "--quiet", "--output", folder.toString());
    return study;
  }

  private List<SequenceResult> results() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.toString().endsWith(".json"))
          .map(file -> {
            try {
              return SequenceResult.read(file);
            } catch (IOException e) {
              throw new IllegalStateException(e);
            }
          })
          .toList();
    }
  }

  private Map<String, FileTime> made() throws IOException {
    Map<String, FileTime> times = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (!file.getFileName().toString().startsWith("sequences.")) {
          times.put(file.getFileName().toString(), Files.getLastModifiedTime(file));
        }
      }
    }
    return times;
  }

  @Test
  void aFileThatIsNoResultIsNamed() throws IOException {
    Path file = folder.resolve("some.json");
    Files.writeString(file, "{}");
    assertThatIOException()
        .isThrownBy(() -> SequenceResult.read(file))
        .withMessageContaining("some.json");
  }
}
