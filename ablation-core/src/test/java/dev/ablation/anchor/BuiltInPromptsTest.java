package dev.ablation.anchor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.internal.Words;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Holds every built-in set to what a set of captions must be: many different scenes, said in
 * different ways. Words are what letters, digits and apostrophes make; function words are those of
 * {@link #FUNCTION_WORDS}.
 */
class BuiltInPromptsTest {
  private static final int LEAST = 200;

  /** CLIP reads 77 tokens, and a word is rarely more than two. */
  private static final int MOST_WORDS = 35;

  private static final int LEAST_WORDS = 3;

  /** Of the content words of two prompts together, the share that both have. */
  private static final double MOST_WORDS_SHARED = 0.4;

  /** Of the sequences of three words of two prompts together, the share that both have. */
  private static final double MOST_SEQUENCES_SHARED = 0.3;

  private static final int MOST_WITH_FOUR_WORDS_AT_THE_BEGINNING = 3;
  private static final int MOST_WITH_THREE_WORDS_AT_THE_BEGINNING = 8;
  private static final int MOST_WITH_A_SKELETON = 2;

  /** The share of a set that may begin with the same two words, such as "a cat". */
  private static final double MOST_WITH_TWO_WORDS_AT_THE_BEGINNING = 1.0 / 3;

  /** The least share of a set that must be short (8 words or fewer) and long (14 or more). */
  private static final double LEAST_SHORT_AND_LONG = 0.05;

  private static final Set<String> FUNCTION_WORDS =
      Set.of(
          ("a an the of in on at by to and or with without from into onto over under behind beside"
                  + " between through across near before after above below against around along"
                  + " its his her their it is are was were be as that this there two three four"
                  + " five one some for out up down off while who which where when one's has have"
                  + " had not no but so than just only very all each other another like inside"
                  + " outside beneath toward towards among amid past next")
              .split(" "));

  private static final Pattern NOT_IN_A_WORD = Pattern.compile("[^a-z0-9']+");

  static List<String> names() {
    return BuiltInPrompts.NAMES_WITH_A_SET;
  }

  @ParameterizedTest
  @MethodSource("names")
  void everySetIsOfDifferentScenes(String name) {
    List<String> prompts = BuiltInPrompts.about(name, ConceptKind.INSTANCE);
    assertThat(prompts).hasSizeGreaterThanOrEqualTo(LEAST);
    assertThat(faults(name, prompts)).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("names")
  void everySetServesInstancesAndStyles(String name) {
    Concept instance = Concept.instance("grumpy " + name);
    assertThat(AnchorStrategy.generated(name).prompts(instance))
        .allMatch(prompt -> !instance.targetPrompts(prompt, name).contains(prompt));
    Concept style = Concept.style("Monet");
    assertThat(AnchorStrategy.generated(name).prompts(style))
        .hasSizeGreaterThanOrEqualTo(LEAST)
        .allMatch(prompt -> !style.targetPrompts(prompt, name).contains(prompt));
  }

  @ParameterizedTest
  @MethodSource("names")
  void theBuiltInSourceMeetsARequestForAsManyAsThePaper(String name) throws IOException {
    assertThat(AnchorStrategy.generated(name, PromptSource.builtIn()).givenPrompts())
        .hasSize(LEAST);
  }

  @Test
  void noSceneIsInTwoSets() {
    Map<String, String> seen = new LinkedHashMap<>();
    List<String> shared = new ArrayList<>();
    for (String name : names()) {
      for (String prompt : BuiltInPrompts.about(name, ConceptKind.STYLE)) {
        String content = String.join(" ", new TreeSet<>(content(name, prompt)));
        String other = seen.put(content, prompt);
        if (other != null) {
          shared.add(other + " | " + prompt);
        }
      }
    }
    assertThat(shared).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "cat, cat",
    "Cats, cat",
    "' CAT ', cat",
    "a cat, cat",
    "the Paintings, painting",
    "an emoji, emoji",
    "People, person",
    "persons, person",
    "fishes, fish",
    "bobcat, bobcat",
    "Cat Stevens, Cat Stevens",
    "catss, catss",
    "' grumpy cat', grumpy cat",
    "Horses, Horses"
  })
  void findsTheSetForAName(String name, String found) {
    assertThat(AnchorStrategy.generated(name).name()).isEqualTo(found);
  }

  @Test
  void aPluralWorksForAnInstance() {
    Concept target = Concept.instance("grumpy cat");
    GeneratedAnchors anchors = AnchorStrategy.generated("Cats");
    assertThat(anchors.prompts(target))
        .isEqualTo(AnchorStrategy.generated("cat").prompts(target))
        .allMatch(prompt -> !target.targetPrompts(prompt, anchors.name()).isEmpty());
  }

  /** What the checks above are worth: each fault that they look for is found. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "no word; a dog in the rain",
        "no word; a category of scenes",
        "characters; a caf\u00e9 cat",
        "characters; a cat  in the rain",
        "characters; a cat in the rain.",
        "capitals; a Cat in the rain",
        "length; cat nap",
        "alike; a black cat curled up asleep on a red armchair",
        "alike; the gray armchair on which a black cat lies curled up, asleep"
      })
  void findsAFault(String fault, String prompt) {
    List<String> prompts = List.of("a black cat curled up asleep on a gray armchair", prompt);
    assertThat(faultsOfPrompts("cat", prompts)).hasSize(1).allMatch(said -> said.startsWith(fault));
  }

  @Test
  void findsTemplates() {
    List<String> nouns =
        List.of("sofa", "roof", "chair", "bed", "wall", "boat", "bench", "stove", "shelf", "car");
    assertThat(faults("cat", nouns.stream().map(noun -> "one fine cat on a " + noun).toList()))
        .anyMatch(said -> said.startsWith("beginning 'one fine cat on'"))
        .anyMatch(said -> said.startsWith("skeleton 'one _ cat on a _'"));
    assertThat(faults("cat", nouns.stream().map(noun -> noun + " beside a cat").toList()))
        .anyMatch(said -> said.startsWith("skeleton '_ beside a cat'"))
        .anyMatch(said -> said.startsWith("long prompts"));
  }

  private static List<String> faults(String name, List<String> prompts) {
    List<String> faults = new ArrayList<>(faultsOfPrompts(name, prompts));
    faults.addAll(
        tooOften(prompts, prompt -> beginning(prompt, 4), MOST_WITH_FOUR_WORDS_AT_THE_BEGINNING)
            .map(found -> "beginning " + found)
            .toList());
    faults.addAll(
        tooOften(prompts, prompt -> beginning(prompt, 3), MOST_WITH_THREE_WORDS_AT_THE_BEGINNING)
            .map(found -> "beginning " + found)
            .toList());
    int third = (int) (prompts.size() * MOST_WITH_TWO_WORDS_AT_THE_BEGINNING);
    faults.addAll(
        tooOften(prompts, prompt -> beginning(prompt, 2), third)
            .map(found -> "beginning " + found)
            .toList());
    faults.addAll(
        tooOften(prompts, prompt -> skeleton(name, prompt), MOST_WITH_A_SKELETON)
            .map(found -> "skeleton " + found)
            .toList());
    long least = Math.round(prompts.size() * LEAST_SHORT_AND_LONG);
    if (prompts.stream().filter(prompt -> words(prompt).size() <= 8).count() < least) {
      faults.add("short prompts are fewer than " + least);
    }
    if (prompts.stream().filter(prompt -> words(prompt).size() >= 14).count() < least) {
      faults.add("long prompts are fewer than " + least);
    }
    return faults;
  }

  private static List<String> faultsOfPrompts(String name, List<String> prompts) {
    List<String> faults = new ArrayList<>();
    Pattern word = Words.ownWord(name);
    List<Set<String>> contents = new ArrayList<>();
    List<Set<String>> sequences = new ArrayList<>();
    for (String prompt : prompts) {
      int length = words(prompt).size();
      if (!word.matcher(prompt).find()) {
        faults.add("no word: " + prompt);
      }
      if (!prompt.matches("(?:[!-~]+ )*[!-~]*[!-~&&[^.]]")) {
        faults.add("characters: " + prompt);
      }
      if (prompt.matches(".*[A-Z].*")) {
        faults.add("capitals, as of a name: " + prompt);
      }
      if (length < LEAST_WORDS || length > MOST_WORDS) {
        faults.add("length: " + prompt);
      }
      Set<String> content = content(name, prompt);
      Set<String> sequence = sequences(prompt);
      for (int i = 0; i < contents.size(); i++) {
        if (shared(content, contents.get(i)) > MOST_WORDS_SHARED
            || shared(sequence, sequences.get(i)) > MOST_SEQUENCES_SHARED) {
          faults.add("alike: " + prompts.get(i) + " | " + prompt);
        }
      }
      contents.add(content);
      sequences.add(sequence);
    }
    return faults;
  }

  private static Stream<String> tooOften(
      List<String> prompts, Function<String, String> part, int most) {
    return prompts.stream()
        .collect(Collectors.groupingBy(part, LinkedHashMap::new, Collectors.counting()))
        .entrySet()
        .stream()
        .filter(entry -> entry.getValue() > most)
        .map(entry -> "'" + entry.getKey() + "' stands " + entry.getValue() + " times");
  }

  private static List<String> words(String prompt) {
    return NOT_IN_A_WORD
        .splitAsStream(prompt.toLowerCase(Locale.ROOT))
        .filter(word -> !word.isEmpty())
        .toList();
  }

  private static String beginning(String prompt, int words) {
    return words(prompt).stream().limit(words).collect(Collectors.joining(" "));
  }

  /** The prompt with a gap for each content word. */
  private static String skeleton(String name, String prompt) {
    return words(prompt).stream()
        .map(word -> FUNCTION_WORDS.contains(word) || isName(name, word) ? word : "_")
        .collect(Collectors.joining(" "));
  }

  private static Set<String> content(String name, String prompt) {
    return words(prompt).stream()
        .filter(word -> !FUNCTION_WORDS.contains(word) && !isName(name, word))
        .collect(Collectors.toSet());
  }

  private static boolean isName(String name, String word) {
    return word.equals(name) || word.equals(name + "s");
  }

  private static Set<String> sequences(String prompt) {
    List<String> words = words(prompt);
    return IntStream.range(0, Math.max(0, words.size() - 2))
        .mapToObj(i -> String.join(" ", words.subList(i, i + 3)))
        .collect(Collectors.toSet());
  }

  private static double shared(Set<String> one, Set<String> other) {
    Set<String> both = new HashSet<>(one);
    both.retainAll(other);
    int all = one.size() + other.size() - both.size();
    return all == 0 ? 0 : both.size() / (double) all;
  }
}
