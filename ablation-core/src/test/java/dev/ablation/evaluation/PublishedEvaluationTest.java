package dev.ablation.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.ablation.concept.ConceptKind;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.testing.TinyEncoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PublishedEvaluationTest {
  @TempDir private Path folder;

  private Path file;

  @BeforeEach
  void name() {
    file = folder.resolve("eval.json");
  }

  private List<PublishedEvaluation> read(String json) throws IOException {
    Files.writeString(file, json);
    return PublishedEvaluation.read(file);
  }

  private static final String BOTH =
      """
      {"style": {"van gogh": {"target": "van gogh", "anchor": "painting",
                              "hard_negative": ["monet", "greg rutkowski"]}},
       "object": {"kids": {"target": "kids with guns", "anchor": "kids",
                           "hard_negatives": ["kids with toys"]}}}
      """;

  @Test
  void readsThePublishedFormInBothSpellings() throws IOException {
    assertThat(read(BOTH))
        .containsExactly(
            new PublishedEvaluation(
                ConceptKind.STYLE,
                "van gogh",
                "van gogh",
                "painting",
                List.of("monet", "greg rutkowski")),
            new PublishedEvaluation(
                ConceptKind.INSTANCE, "kids", "kids with guns", "kids", List.of("kids with toys")));
  }

  @Test
  void promptsOfAStyleComeFromItsFile() throws IOException {
    Files.writeString(folder.resolve("van_gogh_eval.txt"), "wheat by van gogh\n\ncafe\n");
    Files.writeString(folder.resolve("painting_eval.txt"), "a painting of wheat\n");
    Files.writeString(folder.resolve("monet_eval.txt"), "lilies by monet\n");
    Files.writeString(folder.resolve("greg_rutkowski_eval.txt"), "a castle by greg\n");
    PublishedEvaluation style = read(BOTH).get(0);
    Evaluation evaluation = style.evaluation(new TinyEncoder(), folder);
    assertThat(evaluation.protocol().targetImages()).isEqualTo(200);
    assertThat(evaluation.subjects())
        .containsExactly(
            new Subject(Role.TARGET, "van gogh", List.of("wheat by van gogh", "cafe"), 200),
            new Subject(Role.ANCHOR, "painting", List.of("a painting of wheat"), 200),
            new Subject(Role.NEIGHBOUR, "monet", List.of("lilies by monet"), 50),
            new Subject(Role.NEIGHBOUR, "greg rutkowski", List.of("a castle by greg"), 50));
  }

  @Test
  void promptsOfAnObjectComeFromTheAnchors() throws IOException {
    Files.writeString(folder.resolve("kids_eval.txt"), "kids at a lake\nphoto of kids\n");
    PublishedEvaluation object = read(BOTH).get(1);
    assertThat(object.evaluation(new TinyEncoder(), folder).subjects())
        .extracting(Subject::prompts)
        .containsExactly(
            List.of("kids with guns at a lake", "photo of kids with guns"),
            List.of("kids at a lake", "photo of kids"),
            List.of("kids with toys at a lake", "photo of kids with toys"));
  }

  /** More prompts than the paper's ten are all drawn. */
  @Test
  void everyPromptOfAFileIsUsed() throws IOException {
    Files.writeString(folder.resolve("kids_eval.txt"), "kids a\n" + "kids b\nkids c\n".repeat(9));
    assertThat(read(BOTH).get(1).evaluation(new TinyEncoder(), folder).subjects().get(0).prompts())
        .hasSize(19);
  }

  @Test
  void anEmptyListOfNeighboursIsRefusedBeforeAnythingIsDrawn() throws IOException {
    Files.writeString(folder.resolve("cat_eval.txt"), "a cat\n");
    Evaluation evaluation =
        read("{\"object\": {\"tabby\": {\"target\": \"tabby\", \"anchor\": \"cat\","
                + " \"hard_negative\": []}}}")
            .get(0)
            .evaluation(new TinyEncoder(), folder);
    try (TinyDiffusion model = TinyDiffusion.open(1)) {
      assertThat(evaluation.check(model))
          .singleElement()
          .asString()
          .startsWith("neighbours must not be empty");
    }
  }

  @Test
  void errorsNameFileAndKey() throws IOException {
    assertRefused("[]", "the file must be an object");
    assertRefused("{", "");
    assertRefused("{}", "must have an entry under \"style\" or \"object\"");
    assertRefused(
        "{\"styles\": {}}", "the keys must be \"style\" and \"object\", found \"styles\"");
    assertRefused("{\"style\": 1}", "\"style\" must be an object");
    assertRefused("{\"style\": {\"a\": []}}", "\"style\", \"a\" must be an object");
    assertRefused(
        entry("\"anchor\": \"b\", \"hard_negative\": []"), "must have a string \"target\"");
    assertRefused(
        entry("\"target\": 1, \"anchor\": \"b\", \"hard_negative\": []"),
        "\"style\", \"a\" must have a string \"target\"");
    assertRefused(
        entry("\"target\": \"a\", \"anchor\": \"b\""),
        "must have a list of strings \"hard_negative\"");
    assertRefused(
        entry("\"target\": \"a\", \"anchor\": \"b\", \"hard_negative\": [1]"),
        "must have a string \"hard_negative\"");
    assertRefused(
        entry("\"target\": \"a\", \"anchor\": \" \", \"hard_negative\": []"),
        "\"style\", \"a\": anchor must not be blank");
    assertRefused(
        entry("\"target\": \"a\", \"anchor\": \"b\", \"hard_negative\": [], \"seed\": 1"),
        "\"seed\"");
    assertRefused(
        entry(
            "\"target\": \"a\", \"anchor\": \"b\", \"hard_negative\": [], \"hard_negatives\": []"),
        "must have one of hard_negative and hard_negatives");
  }

  private static String entry(String fields) {
    return "{\"style\": {\"a\": {" + fields + "}}}";
  }

  private void assertRefused(String json, String message) {
    assertThatIOException()
        .isThrownBy(() -> read(json))
        .withMessageStartingWith(file + ": ")
        .withMessageContaining(message);
  }

  @Test
  void errorsInPromptsNameTheirFile() throws IOException {
    PublishedEvaluation object = read(BOTH).get(1);
    assertThatIOException()
        .isThrownBy(() -> object.evaluation(new TinyEncoder(), folder))
        .withMessageContaining("kids_eval.txt");
    Files.writeString(folder.resolve("kids_eval.txt"), "a dog\n");
    assertThatIOException()
        .isThrownBy(() -> object.evaluation(new TinyEncoder(), folder))
        .withMessageContaining("kids_eval.txt")
        .withMessageContaining("a dog");
  }
}
