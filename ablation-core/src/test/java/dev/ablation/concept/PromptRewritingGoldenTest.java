package dev.ablation.concept;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.golden.Golden;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Target prompts of the reference implementation. Ours are equal but for those of {@link
 * Difference}, which are checked to be what they are here. Captions are drawn, not taken in turn by
 * the image's number: what is compared is which ones there are, in their order.
 */
class PromptRewritingGoldenTest {
  /** Belongs to augmentation. */
  private static final Set<String> LEFT_OUT = Set.of("scale_prefix_rule", "note");

  /** Where ours differs on purpose: the reference replaces characters, wherever they stand. */
  private enum Difference {
    /** Ours refuses a prompt without the anchor, which would teach nothing. */
    NO_ANCHOR,
    /** Ours leaves words alone that only contain the anchor: "catalog". */
    INSIDE_OF_A_WORD,
    /** Ours replaces the anchor in any case and keeps the case: "Robot" becomes "R2d2". */
    CAPITALS
  }

  private static JsonObject file() {
    return Golden.object(Golden.path("E_training/prompt_rewriting.json"));
  }

  @Test
  void everyPartOfTheFileIsComparedOrLeftOut() {
    Set<String> parts = new TreeSet<>(LEFT_OUT);
    parts.add("examples");
    assertThat(file().keySet()).isSubsetOf(parts).contains("examples");
  }

  @TestFactory
  Stream<DynamicTest> examples() {
    List<JsonElement> examples = file().getAsJsonArray("examples").asList();
    assertThat(examples).isNotEmpty();
    return examples.stream()
        .map(JsonElement::getAsJsonObject)
        .map(example -> DynamicTest.dynamicTest(name(example), () -> compare(example)));
  }

  private static String name(JsonObject example) {
    String branch = example.get("branch").isJsonNull() ? "" : " " + example.get("branch");
    return text(example, "concept_type")
        + branch
        + " | "
        + text(example, "caption_target")
        + " | "
        + text(example, "anchor_prompt");
  }

  private static String text(JsonObject example, String key) {
    return example.get(key).getAsString();
  }

  private static void compare(JsonObject example) {
    String type = text(example, "concept_type");
    String caption = text(example, "caption_target");
    if (type.equals("style")) {
      compareDrawn(example, Concept.style(caption, StyleTemplates.diffusers()));
    } else if (type.contains("nudity") || type.contains("inappropriate")) {
      compareDrawn(example, Concept.inappropriate(caption));
    } else if (type.equals("memorization")) {
      compareCaption(example, caption);
    } else if (type.equals("object")) {
      String[] names = caption.split("\\+", 2);
      compareReplaced(text(example, "anchor_prompt"), names[0], names[1], target(example));
    } else {
      throw new AssertionError("unknown type of concept: " + type);
    }
  }

  private static String target(JsonObject example) {
    return text(example, "target_prompt");
  }

  private static void compareDrawn(JsonObject example, Concept concept) {
    int branch = example.get("branch").getAsInt();
    String drawn = concept.targetPrompt(text(example, "anchor_prompt"), "", choosing(branch));
    assertThat(drawn).isEqualTo(target(example));
  }

  /** Chooses a form by its number; of a single one there is no choice. */
  private static RandomGenerator choosing(int branch) {
    return new RandomGenerator() {
      @Override
      public long nextLong() {
        throw new IllegalStateException("only choices are drawn");
      }

      @Override
      public int nextInt(int bound) {
        return bound == 1 ? 0 : branch;
      }
    };
  }

  private static void compareCaption(JsonObject example, String caption) {
    List<String> captions =
        Arrays.stream(caption.split(";")).map(part -> part.substring(2)).toList();
    int index = example.has("dataset_index") ? example.get("dataset_index").getAsInt() : 0;
    MemorizedImage image = new MemorizedImage(captions, null);
    assertThat(image.targetPrompts(text(example, "anchor_prompt"), ""))
        .isEqualTo(captions)
        .element(index % captions.size())
        .isEqualTo(target(example));
  }

  private static void compareReplaced(String prompt, String anchor, String name, String golden) {
    assertThat(prompt.replace(anchor, name)).as("plain replacement").isEqualTo(golden);
    Concept instance = Concept.instance(name);
    Set<Difference> differences = differences(prompt, anchor);
    if (differences.contains(Difference.NO_ANCHOR)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> instance.targetPrompts(prompt, anchor))
          .withMessageContaining("must occur in every anchor prompt");
      return;
    }
    List<String> ours = instance.targetPrompts(prompt, anchor);
    assertThat(ours).containsExactly(wordByWord(prompt, anchor, name));
    if (differences.isEmpty()) {
      assertThat(ours).containsExactly(golden);
    } else {
      assertThat(ours).as("differs on purpose: " + differences).doesNotContain(golden);
    }
  }

  private static Set<Difference> differences(String prompt, String anchor) {
    Set<Difference> differences = new TreeSet<>();
    Pattern word = asWord(anchor);
    if (!word.matcher(prompt).find()) {
      differences.add(Difference.NO_ANCHOR);
    }
    if (word.matcher(prompt).replaceAll("").contains(anchor)) {
      differences.add(Difference.INSIDE_OF_A_WORD);
    }
    if (word.matcher(prompt).results().anyMatch(found -> !found.group().startsWith(anchor))) {
      differences.add(Difference.CAPITALS);
    }
    return differences;
  }

  private static Pattern asWord(String anchor) {
    return Pattern.compile("(?iU)\\b" + Pattern.quote(anchor) + "(s?)\\b");
  }

  /** What ours does, written in another way. */
  private static String wordByWord(String prompt, String anchor, String name) {
    return asWord(anchor)
        .matcher(prompt)
        .replaceAll(found -> {
          String word = found.group();
          String made = name + found.group(1);
          if (word.equals(word.toUpperCase(Locale.ROOT))
              && !word.equals(word.toLowerCase(Locale.ROOT))) {
            made = name.toUpperCase(Locale.ROOT) + found.group(1);
          } else if (Character.isUpperCase(word.charAt(0))) {
            made = made.substring(0, 1).toUpperCase(Locale.ROOT) + made.substring(1);
          }
          return Matcher.quoteReplacement(made);
        });
  }
}
