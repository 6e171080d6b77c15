package dev.ablation.concept;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.random.RandomStreams;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConceptTest {

  @Test
  void aStyleHasTheReferencesTwoForms() {
    assertThat(Concept.style("Van Gogh").targetPrompts("painting of a boat", "painting"))
        .containsExactly(
            "painting of a boat, in the style of Van Gogh",
            "in Van Gogh's style, painting of a boat");
  }

  @Test
  void theSecondFormOfAStyleIsDrawnTwiceAsOften() {
    int draws = 6000;
    Map<String, Long> counts =
        IntStream.range(0, draws)
            .mapToObj(i ->
                Concept.style("Monet")
                    .targetPrompt("a pond", "painting", RandomStreams.stream(3, "test", i)))
            .collect(
                Collectors.groupingBy(Function.identity(), TreeMap::new, Collectors.counting()));
    // five standard deviations of a binomial with p = 1/3
    double allowed = 5 * Math.sqrt(draws * 2 / 9.0);
    assertThat((double) counts.get("a pond, in the style of Monet"))
        .isCloseTo(draws / 3.0, within(allowed));
    assertThat(counts).hasSize(2);
  }

  @Test
  void thePapersFormsAreSixOfThemHalfWithADoubledName() {
    List<String> forms = Concept.style("X", StyleTemplates.paper()).targetPrompts("p", "painting");
    assertThat(forms).hasSize(6).filteredOn(form -> form.contains("X X")).hasSize(3);
  }

  static Stream<Concept> concepts() {
    return Stream.of(
        Concept.style("Van Gogh"),
        Concept.style("Greg {prompt} Rutkowski", StyleTemplates.paper()),
        Concept.instance("grumpy cat"));
  }

  @ParameterizedTest
  @MethodSource("concepts")
  void whatIsDrawnIsAmongThePromptsThatAreChecked(Concept concept) {
    for (long seed = 0; seed < 50; seed++) {
      String prompt = "photo %d of a cat".formatted(seed);
      String drawn = concept.targetPrompt(prompt, "cat", RandomStreams.stream(seed, "draw", 0));
      assertThat(concept.targetPrompts(prompt, "cat")).doesNotHaveDuplicates().contains(drawn);
      assertThat(drawn).contains(concept.name()).isNotEqualTo(prompt);
      assertThat(concept.targetPrompt(prompt, "cat", RandomStreams.stream(seed, "draw", 0)))
          .isEqualTo(drawn);
    }
  }

  @Test
  void aPromptThatLooksLikeAPlaceholderStaysAsItIs() {
    assertThat(Concept.style("Monet").targetPrompts("a {name} of {prompt}", "painting"))
        .contains("a {name} of {prompt}, in the style of Monet");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "a photo of a cat|a photo of a grumpy cat",
        "Cats at play|Grumpy cats at play",
        "Cat, cat and CAT|Grumpy cat, grumpy cat and GRUMPY CAT",
        "CATS!|GRUMPY CATS!",
        "a cat's paw|a grumpy cat's paw",
        "a cat-like cat|a grumpy cat-like grumpy cat",
        "a bobcat chases a cat|a bobcat chases a grumpy cat",
        "category of a cat|category of a grumpy cat",
        "cat2 and cat|cat2 and grumpy cat",
        "catés and cat|catés and grumpy cat",
        "cost: $1 \\1 cat|cost: $1 \\1 grumpy cat"
      })
  void anInstanceReplacesTheAnchorAsAWordOfItsOwn(String prompt, String expected) {
    assertThat(Concept.instance("grumpy cat").targetPrompts(prompt, "cat"))
        .containsExactly(expected);
  }

  @ParameterizedTest
  @CsvSource({"a photo of 猫咪,猫咪,a photo of grumpy cat", "the 101 dogs,101,the grumpy cat dogs"})
  void wordsWithoutCapitalLettersAskForNone(String prompt, String anchor, String expected) {
    assertThat(Concept.instance("grumpy cat").targetPrompts(prompt, anchor))
        .containsExactly(expected);
  }

  @Test
  void anAnchorOfSeveralWordsIsReplacedAsAWhole() {
    assertThat(Concept.instance("R2D2").targetPrompts("A small robot waves", "small robot"))
        .containsExactly("A R2D2 waves");
  }

  @Test
  void anInstanceNeedsItsAnchorInThePrompt() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.instance("grumpy cat").targetPrompts("a bobcat", "cat"))
        .withMessage(
            "anchor 'cat' must occur in every anchor prompt to be replaced by 'grumpy cat', but not"
                + " in 'a bobcat'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "  ", "\t\n"})
  void aNameIsNotBlank(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.style(name))
        .withMessageContaining("must not be blank");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.instance(name))
        .withMessageContaining("must not be blank");
  }

  @Test
  void aNameIsNotNull() {
    assertThatNullPointerException().isThrownBy(() -> Concept.style(null));
    assertThatNullPointerException().isThrownBy(() -> Concept.instance(null));
  }

  @Test
  void spacesAroundANameDoNotCount() {
    assertThat(Concept.instance(" grumpy cat ")).isEqualTo(Concept.instance("grumpy cat"));
    assertThat(Concept.style(" Monet ")).isEqualTo(Concept.style("Monet"));
  }

  @Test
  void templatesHoldBothPlaceholders() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.style("Monet", List.of("{prompt} by Monet")))
        .withMessage("template must contain {prompt} and {name}, was '{prompt} by Monet'");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.style("Monet", List.of()))
        .withMessageContaining("templates must not be empty");
  }

  @Test
  void kindsFollowFromTheFactory() {
    assertThat(Concept.style("Monet").kind()).isEqualTo(ConceptKind.STYLE);
    assertThat(Concept.instance("R2D2").kind()).isEqualTo(ConceptKind.INSTANCE);
  }
}
