package dev.ablation.examples.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.examples.EmbeddedModel;
import dev.ablation.examples.dataset.EmojiConcept;
import dev.ablation.examples.dataset.EmojiDataSet;
import dev.ablation.examples.dataset.EmojiPicture;
import dev.ablation.examples.dataset.NearestPicture.Judgement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Counting and keeping what methods did; no model is run. */
class StudyTest {
  private static final List<String> THINGS =
      List.of("cat face", "rocket", "red apple", "owl", "trophy", "cactus", "umbrella", "skull");

  @TempDir private Path folder;

  /** What a model that draws every prompt as it is named would be judged to draw. */
  private static List<Judgement> asNamed(Function<String, String> styleOf) throws IOException {
    EmojiDataSet data = EmojiDataSet.load();
    List<Judgement> pictures = new ArrayList<>();
    for (String thing : THINGS) {
      EmojiConcept concept =
          data.concepts().stream()
              .filter(one -> one.name().equals(thing))
              .findFirst()
              .orElseThrow();
      for (String style : EmbeddedModel.styles()) {
        EmojiPicture picture = data.picture(concept, styleOf.apply(style)).orElseThrow();
        pictures.add(new Judgement(picture, 0));
      }
    }
    return pictures;
  }

  @Test
  void aModelThatDrawsWhatIsNamedHasUnlearntNothing() throws IOException {
    Scores scores = StudyTarget.style("ink").score(asNamed(style -> style));
    assertThat(scores).isEqualTo(new Scores(0, 1, 1));
  }

  @Test
  void aModelThatDrawsTheAnchorInPlaceOfTheStyleHasUnlearntItAlone() throws IOException {
    Scores scores =
        StudyTarget.style("ink").score(asNamed(style -> style.equals("ink") ? "noto" : style));
    assertThat(scores).isEqualTo(new Scores(1, 1, 1));
  }

  @Test
  void aModelThatKnowsOneStyleOnlyHasLostTheOthers() throws IOException {
    Scores scores = StudyTarget.style("ink").score(asNamed(style -> "noto"));
    assertThat(scores).isEqualTo(new Scores(1, 1.0 / 5, 1));
  }

  @Test
  void aModelThatCopiesEverywhereHasLostEverything() {
    StudyTarget planted = StudyTarget.planted();
    List<Judgement> copies =
        planted.prompts().stream().map(prompt -> new Judgement(null, 0)).toList();
    assertThat(planted.score(copies)).isEqualTo(new Scores(0, 0, 0));
    assertThat(planted.prompts()).hasSize(12 + 48);
  }

  @ParameterizedTest
  @ValueSource(strings = {"style:blueprint", "instance:cat face", "instance:umbrella", "planted"})
  void everyTargetHasPromptsOfItsOwnAndOthers(String text) {
    StudyTarget target = StudyTarget.of(text);
    for (StudyTarget.Domain domain : StudyTarget.Domain.values()) {
      assertThat(target.prompts())
          .anyMatch(prompt ->
              prompt.questions().stream().anyMatch(question -> question.domain() == domain));
    }
    assertThat(target.prompts()).hasSizeGreaterThanOrEqualTo(48);
  }

  @ParameterizedTest
  @ValueSource(strings = {"style:cubism", "instance:dodo", "colour:red", ""})
  void unknownTargetsAreNamed(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> StudyTarget.of(text))
        .withMessageEndingWith(text.substring(text.indexOf(':') + 1) + "'");
  }

  @Test
  void aResultIsReadAsItWasSaved() throws IOException {
    StudyResult result =
        new StudyResult("style ink", "low rank", new Scores(1, 0.5, 0.25), 12.5, 1234, 0.5, 0.1);
    Path file = folder.resolve(StudyResult.fileName("style ink", "paper's teacher"));
    assertThat(file.getFileName()).hasToString("style-ink--paper-s-teacher.json");
    result.save(file);
    assertThat(StudyResult.read(file)).isEqualTo(result);
    Files.writeString(file, "{");
    assertThatIOException()
        .isThrownBy(() -> StudyResult.read(file))
        .withMessageContaining(file.toString());
  }

  @Test
  void theTablesHoldEveryResult() throws IOException {
    StudyResult base =
        new StudyResult("style ink", StudyResult.BASE, new Scores(0, 0.9, 1), 0, 0, 0, 0);
    StudyResult made =
        new StudyResult("style ink", "low rank", new Scores(1, 0.5, 0.25), 12.5, 1234, 0.5, 0.1);
    StudyResult.write(List.of(base, made), Method.all(), folder);
    assertThat(Files.readAllLines(folder.resolve("results.csv")))
        .hasSize(3)
        .contains("style ink,low rank,1.0000,0.5000,0.2500,12.5,1234,0.500000,0.100000");
    assertThat(folder.resolve("results.md"))
        .content()
        .contains("| base model | 0 % | 90 % | 100 % | | |")
        .contains("| low rank | 100 % | 50 % | 25 % | 13 s | 1 kB |")
        .contains(Method.all().stream().map(method -> "| " + method.name() + " | ").toList());
  }
}
