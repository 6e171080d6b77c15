package dev.ablation.anchor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.concept.Concept;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PromptSourceTest {
  @TempDir private Path folder;

  private record Answer(List<String> prompts) {}

  private static Answer answer(String... prompts) {
    return new Answer(List.of(prompts));
  }

  /** Gives one answer after the other, then nothing, and remembers what it was asked for. */
  private static final class Script implements PromptSource {
    private final List<Answer> answers;
    private final List<PromptRequest> asked = new ArrayList<>();

    Script(Answer... answers) {
      this.answers = List.of(answers);
    }

    @Override
    public List<String> prompts(PromptRequest request) {
      asked.add(request);
      return asked.size() <= answers.size() ? answers.get(asked.size() - 1).prompts() : List.of();
    }
  }

  @Test
  void asksForWhatIsMissingUntilThereIsEnough() throws IOException {
    Script source =
        new Script(
            answer("A cat on a roof", "a CAT, on a  roof!", "a dog", "category of things"),
            answer("", "two cats  at\tplay", "…", "a cat on a roof"),
            answer("the cat's bowl", "one cat too many"));
    assertThat(source.checked().prompts(PromptRequest.captions("cat", 3)))
        .containsExactly("A cat on a roof", "two cats at play", "the cat's bowl");
    assertThat(source.asked).extracting(PromptRequest::count).containsExactly(3, 2, 1);
    assertThat(source.asked.get(2).avoid()).containsExactly("A cat on a roof", "two cats at play");
    assertThat(source.asked).allMatch(request -> "cat".equals(request.word()));
  }

  @Test
  void saysHowManyWereFoundOfHowMany() {
    Script source = new Script(answer("a cat", "A cat.", "a dog", " ", "x cat ".repeat(200)));
    assertThatExceptionOfType(TooFewPromptsException.class)
        .isThrownBy(() -> source.checked(4).prompts(PromptRequest.captions("cat", 200)))
        .withMessage(
            "found 1 of 200 prompts about 'cat' in 4 answers; rejected: 1 duplicates,"
                + " 1 without the word 'cat', 2 blank or longer than 600 characters")
        .satisfies(failure -> {
          assertThat(failure.found()).containsExactly("a cat");
          assertThat(failure.wanted()).isEqualTo(200);
        });
    assertThat(source.asked).hasSize(4);
  }

  @Test
  void paraphrasesAreNeitherTheCaptionNorWhatIsAvoided() throws IOException {
    Script source =
        new Script(
            answer("A boat, at dawn", "at dawn a boat", "dawn; a boat", "a boat in the dawn"));
    PromptRequest request =
        PromptRequest.paraphrases("a boat at dawn", 2).avoiding(List.of("At dawn: a boat."));
    assertThat(source.checked().prompts(request))
        .containsExactly("dawn; a boat", "a boat in the dawn");
  }

  @Test
  void aSourceThatChecksByItselfIsNotAskedAgain() {
    Script inner = new Script(answer("a cat"));
    assertThatExceptionOfType(TooFewPromptsException.class)
        .isThrownBy(() -> {
          PromptSource source = request -> inner.checked(2).prompts(request);
          source.checked().prompts(PromptRequest.captions("cat", 2));
        })
        .satisfies(failure -> assertThat(failure.found()).containsExactly("a cat"));
    assertThat(inner.asked).hasSize(2);
  }

  @Test
  void failuresOfTheSourceComeThrough() {
    PromptSource source = PromptSource.file(folder.resolve("missing.txt"));
    assertThatIOException()
        .isThrownBy(() -> source.checked().prompts(PromptRequest.captions("cat", 1)))
        .withMessageContaining("missing.txt");
  }

  @Test
  void anInterruptEndsTheAsking() {
    Script source = new Script();
    Thread.currentThread().interrupt();
    try {
      assertThatExceptionOfType(InterruptedIOException.class)
          .isThrownBy(() -> source.checked().prompts(PromptRequest.captions("cat", 1)));
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
      assertThat(source.asked).isEmpty();
    } finally {
      Thread.interrupted();
    }
  }

  @Test
  void keptAnswersAreFoundAgain() throws IOException {
    Script source = new Script(answer("a cat"), answer("two cats"), answer("a cat asleep"));
    PromptSource kept = source.keptIn(folder.resolve("kept"));
    PromptRequest request = PromptRequest.captions("cat", 2);
    assertThat(kept.prompts(request)).containsExactly("a cat", "two cats");
    assertThat(new Script().keptIn(folder.resolve("kept")).prompts(request))
        .containsExactly("a cat", "two cats");
    assertThat(source.asked).hasSize(2);
    assertThat(kept.prompts(PromptRequest.captions("cat", 1)))
        .as("another request is asked anew")
        .containsExactly("a cat asleep");
    try (Stream<Path> files = Files.list(folder.resolve("kept"))) {
      assertThat(files)
          .hasSize(2)
          .allMatch(file -> file.getFileName().toString().matches("cat-[0-9a-f]{32}\\.txt"));
    }
  }

  @Test
  void nothingIsKeptOfTooFew() {
    PromptSource kept = new Script(answer("a cat")).keptIn(folder.resolve("kept"));
    assertThatExceptionOfType(TooFewPromptsException.class)
        .isThrownBy(() -> kept.prompts(PromptRequest.captions("cat", 2)));
    assertThat(folder.resolve("kept")).doesNotExist();
  }

  @Test
  void anAnchorTakesItsPromptsFromASource() throws IOException {
    Concept target = Concept.instance("grumpy cat");
    PromptSource list = PromptSource.of(List.of("a dog", "a cat", "Cat!", "two cats", "cats"));
    assertThat(AnchorStrategy.generated("cat", list, 2).prompts(target))
        .containsExactly("a cat", "Cat!");
    Path file = Files.writeString(folder.resolve("cats.txt"), "a cat\n\nmy cat\n");
    assertThat(AnchorStrategy.generated("cat", PromptSource.file(file), 2).prompts(target))
        .containsExactly("a cat", "my cat");
    assertThatExceptionOfType(TooFewPromptsException.class)
        .isThrownBy(() -> AnchorStrategy.generated("cat", list))
        .withMessageContaining("of 200 prompts");
  }

  @ParameterizedTest
  @CsvSource({
    "cat, A Cat sleeps, true",
    "cat, CATS, true",
    "cat, a category, false",
    "cat, a bobcat, false",
    "cat, a cat-shaped cloud, true",
    "hot dog, two hot dogs, true",
    "hot dog, a hot day for a dog, false",
    "c++, learn c++ now, true",
    "über, ÜBER allem, true"
  })
  void findsTheWord(String word, String prompt, boolean found) {
    assertThat(PromptRequest.captions(word, 1).hasWord(prompt)).isEqualTo(found);
  }

  @Test
  void refusesWrongValuesAtTheCall() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PromptRequest.captions("cat", 0))
        .withMessage("count of prompts must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PromptRequest.captions(" ", 1))
        .withMessage("subject of prompts must not be blank");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PromptRequest.captions("cat", 1).containing(" "))
        .withMessage("word of prompts must not be blank");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PromptSource.of(List.of()))
        .withMessage("prompts must not be empty");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PromptSource.builtIn().checked(0))
        .withMessage("attempts must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PromptSource.builtIn().prompts(PromptRequest.paraphrases("a boat", 3)))
        .withMessageContaining("not paraphrases of 'a boat'");
  }

  @Test
  void skipsPromptsOfAPublishedListThatLackTheName(@TempDir Path published) throws IOException {
    Path file =
        Files.writeString(
            published.resolve("fish.txt"),
            "A fish in a pond\nFishing at dawn\nTwo Fishes and one FISH\nA goldfish\n");
    assertThat(AnchorStrategy.publishedList("fish", file).prompts(Concept.instance("Nemo")))
        .containsExactly("A fish in a pond", "Two Fishes and one FISH");
    assertThatIOException()
        .isThrownBy(() -> AnchorStrategy.publishedList("robot", file))
        .withMessage(
            file
                + ": must contain a prompt with the word 'robot', but none of its 4 prompts has it");
  }
}
