package dev.ablation.concept;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.random.RandomStreams;
import java.nio.file.Path;
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
        Concept.instance("grumpy cat"),
        Concept.composition("cat with guns"),
        Concept.inappropriate("nudity, nsfw"));
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
  @CsvSource(
      delimiter = '|',
      value = {
        "two foxes|fox|polar fox|two polar foxes",
        "FOXES|fox|polar fox|POLAR FOXES",
        "a fox's den|fox|polar fox|a polar fox's den",
        "the foxes' den|fox|polar fox|the polar foxes' den",
        "the cats' den|cat|polar fox|the polar foxes' den",
        "Two foxes|fox|grumpy cat|Two grumpy cats",
        "two buses|bus|tram|two trams",
        "a teddy  bear|teddy bear|grumpy cat|a grumpy cat",
        "a teddy-bear's ear|teddy bear|grumpy cat|a grumpy cat's ear",
        "a TEDDY BEAR|teddy bear|grumpy cat|a GRUMPY CAT",
        "a teddy bear|teddy-bear|grumpy cat|a grumpy cat",
        "Van Gogh’s chair|van gogh's chair|chair|Chair",
        "a café and a cafe|cafe|bar|a café and a bar",
        "a café|café|bar|a bar",
        "a café|café|bar|a bar"
      })
  void wordsAreFoundInTheirForms(String prompt, String anchor, String target, String expected) {
    assertThat(Concept.instance(target).targetPrompts(prompt, anchor)).containsExactly(expected);
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
            "anchor 'cat' must occur in every anchor prompt, so that 'grumpy cat' can replace it, but"
                + " 'a bobcat' does not contain it");
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
        .isThrownBy(() -> new StyleTemplates("own", List.of("{prompt} by Monet")))
        .withMessage("template must contain {prompt} and {name}, was '{prompt} by Monet'");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new StyleTemplates("own", List.of()))
        .withMessageContaining("templates must not be empty");
  }

  @Test
  void kindsFollowFromTheFactory() {
    assertThat(Concept.style("Monet").kind()).isEqualTo(ConceptKind.STYLE);
    assertThat(Concept.instance("R2D2").kind()).isEqualTo(ConceptKind.INSTANCE);
    assertThat(Concept.composition("kids with guns").kind()).isEqualTo(ConceptKind.COMPOSITION);
    assertThat(Concept.memorized("a case").kind()).isEqualTo(ConceptKind.MEMORIZED_IMAGE);
    assertThat(Concept.inappropriate("nudity").kind()).isEqualTo(ConceptKind.INAPPROPRIATE_CONTENT);
    assertThat(Concept.pairs("p", List.of(new PromptPair("a", "b"))).kind())
        .isEqualTo(ConceptKind.PROMPT_PAIRS);
  }

  @Test
  void aStyleWithoutFormsTakesThoseOfThePreset() {
    Concept style = Concept.style("X");
    assertThat(style.settings()).containsExactly(Map.entry("target.templates", "diffusers"));
    Concept filled = style.withDefaults(StyleTemplates.paper());
    assertThat(filled.settings()).containsExactly(Map.entry("target.templates", "paper"));
    assertThat(filled.targetPrompts("p", "painting")).hasSize(6);
    assertThat(filled.name()).isEqualTo("X");
  }

  @Test
  void chosenFormsStay() {
    Concept style =
        Concept.style("X", new StyleTemplates("by", List.of("{prompt} by {name}")))
            .withDefaults(StyleTemplates.paper());
    assertThat(style.targetPrompts("a pond", "painting")).containsExactly("a pond by X");
    assertThat(style.settings())
        .containsExactly(Map.entry("target.templates", "by[{prompt} by {name}]"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "kids with guns|kids|kids at school|kids with guns at school",
        "kids with guns|kids|Kids and kids|Kids with guns and kids with guns",
        "kids with guns|kids|KIDS!|KIDS WITH GUNS!",
        "kid with guns|kid|two kids|two kids with guns",
        "kids with guns|kid|a kid, Kids|a kid with guns, Kids with guns",
        "armed kids|kids|kids at play|armed kids at play",
        "armed kid|kid|Kids at play|Armed kids at play",
        "armed children|kids|Kids at play|Armed children at play"
      })
  void aCompositionAddsToTheAnchor(String phrase, String anchor, String prompt, String expected) {
    assertThat(Concept.composition(phrase).targetPrompts(prompt, anchor)).containsExactly(expected);
  }

  @Test
  void aCompositionNeedsItsAnchorInThePrompt() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.composition("kids with guns").targetPrompts("a kidney", "kids"))
        .withMessage(
            "anchor 'kids' must occur in every anchor prompt, so that 'kids with guns' can replace it,"
                + " but 'a kidney' does not contain it");
  }

  @Test
  void inappropriateContentHasThreeFormsOfEveryTerm() {
    Concept content = Concept.inappropriate("nudity, nsfw", " violence ");
    assertThat(content.name()).isEqualTo("nudity, nsfw; violence");
    assertThat(content.targetPrompts("a man on the beach", "people"))
        .containsExactly(
            "nudity, nsfw, a man on the beach",
            "in nudity, nsfw style, a man on the beach",
            "a man on the beach, nudity, nsfw",
            "violence, a man on the beach",
            "in violence style, a man on the beach",
            "a man on the beach, violence");
    assertThat(content.phrases()).containsExactly("nudity", "nsfw", "violence");
  }

  @Test
  void termsAndFormsAreDrawnEvenly() {
    Concept content = Concept.inappropriate("a", "b");
    assertEven(content, List.of("a, p", "in a style, p", "p, a", "b, p", "in b style, p", "p, b"));
  }

  @Test
  void captionsAreDrawnEvenly() {
    assertEven(Concept.memorized("one", "two", "three"), List.of("one", "two", "three"));
  }

  private static void assertEven(Concept concept, List<String> expected) {
    int draws = 6000;
    Map<String, Long> counts =
        IntStream.range(0, draws)
            .mapToObj(i -> concept.targetPrompt("p", "x", RandomStreams.stream(5, "even", i)))
            .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
    assertThat(counts).containsOnlyKeys(expected);
    double share = 1.0 / expected.size();
    double allowed = 5 * Math.sqrt(draws * share * (1 - share));
    assertThat(counts.values())
        .allSatisfy(count -> assertThat((double) count).isCloseTo(draws * share, within(allowed)));
  }

  @Test
  void aMemorizedImageIsCalledByItsCaption() {
    MemorizedImage image = Concept.memorized("Galaxy Case", "a case", "Galaxy Case ");
    assertThat(image.name()).isEqualTo("Galaxy Case");
    assertThat(image.captions()).containsExactly("Galaxy Case", "a case");
    assertThat(image.image()).isNull();
    assertThat(image.image(Path.of("case.png")).image()).isEqualTo(Path.of("case.png"));
    assertThat(image.targetPrompts("whatever", "case")).isEqualTo(image.captions());
  }

  @Test
  void textsAreNotBlank() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.memorized("a", " "))
        .withMessage("captions must not be blank");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.inappropriate("a", "b", " "))
        .withMessage("terms must not be blank, but number 3 of 3 is");
    assertThatIllegalArgumentException().isThrownBy(() -> Concept.composition(" "));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.pairs(" ", List.of(new PromptPair("a", "b"))));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.pairs("p", List.of()))
        .withMessage("pairs must not be empty");
  }

  @Test
  void everyNameIsUsedByTheSameRuleAndAsOften() {
    Concept target = Concept.instance("grumpy cat").alsoNamed("Tardar").alsoNamed("chat");
    assertThat(target.name()).isEqualTo("grumpy cat");
    assertThat(target.aliases()).containsExactly("Tardar", "chat");
    assertThat(target.targetPrompts("a cat", "cat"))
        .containsExactly("a grumpy cat", "a Tardar", "a chat");
    assertThat(target.phrases()).containsExactly("grumpy cat", "Tardar", "chat");
    assertThat(target.settings()).containsEntry("target.aliases", "Tardar | chat");
    java.util.Random random = new java.util.Random(3);
    java.util.Map<String, Long> drawn =
        java.util.stream.IntStream.range(0, 300)
            .mapToObj(i -> target.targetPrompt("a cat", "cat", random))
            .collect(
                java.util.stream.Collectors.groupingBy(
                    prompt -> prompt, java.util.stream.Collectors.counting()));
    assertThat(drawn).hasSize(3);
    assertThat(drawn.values()).allMatch(count -> count > 70);
    assertThat(Concept.style("Van Gogh").alsoNamed("Vincent").targetPrompts("a lake", "painting"))
        .contains("a lake, in the style of Van Gogh", "a lake, in the style of Vincent");
  }

  @Test
  void anAliasMustBeNewAndTheKindMustHaveNames() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.instance("cat").alsoNamed("Cat"))
        .withMessageContaining("must differ");
    assertThatIllegalArgumentException().isThrownBy(() -> Concept.style("x").alsoNamed());
    assertThatIllegalArgumentException().isThrownBy(() -> Concept.style("x").alsoNamed(" "));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Concept.memorized("a caption").alsoNamed("another"))
        .withMessageContaining("can have no aliases");
  }
}
