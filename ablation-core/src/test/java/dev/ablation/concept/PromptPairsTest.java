package dev.ablation.concept;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PromptPairsTest {
  private static final List<PromptPair> PAIRS =
      List.of(
          new PromptPair("a kid", "a kid with a gun"),
          new PromptPair("kids in a yard", "soldiers in a yard"),
          new PromptPair("a kid", "a \"small\" soldier"));

  @TempDir private Path folder;

  private Path file(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  @Test
  void targetsFollowFromTheAnchorPrompt() {
    PromptPairs pairs = Concept.pairs("armed", PAIRS);
    assertThat(pairs.anchorPrompts()).containsExactly("a kid", "kids in a yard");
    assertThat(pairs.targetPrompts("a kid", "x"))
        .containsExactly("a kid with a gun", "a \"small\" soldier");
    assertThat(pairs.targetPrompts(" kids in a yard ", "x")).containsExactly("soldiers in a yard");
    for (int seed = 0; seed < 20; seed++) {
      assertThat(pairs.targetPrompts("a kid", "x"))
          .contains(pairs.targetPrompt("a kid", "x", RandomStreams.stream(seed, "pairs", 0)));
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> pairs.targetPrompts("a cat", "x"))
        .withMessage("no pair of 'armed' has the anchor prompt 'a cat'");
  }

  @Test
  void itsWordsAreThoseThatNoAnchorPromptHas() {
    assertThat(Concept.pairs("armed", PAIRS).phrases())
        .containsExactly("with", "gun", "soldiers", "small", "soldier");
  }

  @Test
  void provenanceTellsOnePairFromAnother() {
    assertThat(Concept.pairs("p", PAIRS).settings())
        .containsEntry("target.pairs", "3")
        .isNotEqualTo(
            Concept.pairs("p", List.of(PAIRS.get(0), PAIRS.get(1), PAIRS.get(1))).settings());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a kid\ta kid with a gun\nkids in a yard\tsoldiers in a yard\na kid\ta \"small\" soldier",
        "anchor\ttarget\r\na kid\ta kid with a gun\r\n\r\n kids in a yard \tsoldiers in a yard\r\n"
            + "a kid\ta \"small\" soldier\r\n",
        "\uFEFFanchor\ttarget\na kid\ta kid with a gun\nkids in a yard\tsoldiers in a yard\n"
            + "a kid\ta \"small\" soldier"
      })
  void readsTabSeparatedLines(String text) throws IOException {
    assertThat(Concept.pairs("armed", file("pairs.TSV", text)))
        .isEqualTo(Concept.pairs("armed", PAIRS));
  }

  @Test
  void readsJsonLines() throws IOException {
    String text =
        """
        {"anchor": "a kid", "target": "a kid with a gun"}

        {"target": "soldiers in a yard", "anchor": "kids in a yard"}
        {"anchor": "a kid", "target": "a \\"small\\" soldier"}
        """;
    assertThat(Concept.pairs("armed", file("pairs.jsonl", text)))
        .isEqualTo(Concept.pairs("armed", PAIRS));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "pairs.tsv|a cat|must be an anchor prompt, a tab and a target prompt, but has 0 tabs",
        "pairs.tsv|a~b~c|must be an anchor prompt, a tab and a target prompt, but has 2 tabs",
        "pairs.tsv|a~|target prompt must not be blank",
        "pairs.tsv|~a|anchor prompt must not be blank",
        "pairs.tsv|a~ a|target prompt must differ from its anchor prompt 'a'",
        "pairs.jsonl|[]|must be {\"anchor\": \"...\", \"target\": \"...\"}, but is []",
        "pairs.jsonl|{\"anchor\": \"a\"}|must be {\"anchor\": \"...\", \"target\": \"...\"}, but is"
            + " {\"anchor\": \"a\"}",
        "pairs.jsonl|{\"anchor\": 1, \"target\": \"b\"}|must be {\"anchor\": \"...\", \"target\":"
            + " \"...\"}, but is {\"anchor\": 1, \"target\": \"b\"}"
      })
  void namesTheFileAndTheLineOfAnError(String name, String line, String message)
      throws IOException {
    String good = name.endsWith("tsv") ? "a\tb" : "{\"anchor\": \"a\", \"target\": \"b\"}";
    Path file = file(name, good + "\n\n" + line.replace('~', '\t') + "\n");
    assertThatIOException()
        .isThrownBy(() -> Concept.pairs("p", file))
        .withMessage(file + ", line 3: " + message);
  }

  @Test
  void brokenJsonIsAnErrorOfItsLine() throws IOException {
    Path file = file("pairs.jsonl", "{\"anchor\": \"a\", \"target\": \"b\"");
    assertThatIOException()
        .isThrownBy(() -> Concept.pairs("p", file))
        .withMessageStartingWith(file + ", line 1: ");
  }

  @Test
  void aFileHoldsTextOfAKnownForm() throws IOException {
    Path other = file("pairs.csv", "a,b");
    assertThatIOException()
        .isThrownBy(() -> Concept.pairs("p", other))
        .withMessage(other + ": the name of a prompt pair file must end with .tsv or .jsonl");
    Path empty = file("empty.tsv", "anchor\ttarget\n");
    assertThatIOException()
        .isThrownBy(() -> Concept.pairs("p", empty))
        .withMessage(empty + ": must contain at least one prompt pair, one a line");
    Path latin =
        Files.write(
            folder.resolve("latin.tsv"), "caf\u00e9\tbar".getBytes(StandardCharsets.ISO_8859_1));
    assertThatIOException()
        .isThrownBy(() -> Concept.pairs("p", latin))
        .withMessage(latin + ": line 1: must be UTF-8 text, but byte 3 (0xe9) is not");
    Path missing = folder.resolve("missing.tsv");
    assertThatIOException()
        .isThrownBy(() -> Concept.pairs("p", missing))
        .withMessageContaining("missing.tsv");
  }
}
