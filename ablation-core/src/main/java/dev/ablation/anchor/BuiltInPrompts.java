package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import dev.ablation.concept.ConceptKind;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Anchor prompts that need neither a list nor a language model: a set of captions for each of the
 * most common names (one resource file each), and templates for all other names.
 */
final class BuiltInPrompts {
  /** The names that have a set; each is a resource file. */
  static final List<String> NAMES_WITH_A_SET =
      List.of(
          "animal",
          "building",
          "cat",
          "dog",
          "emoji",
          "fish",
          "food",
          "landscape",
          "object",
          "painting",
          "person",
          "robot",
          "vehicle");

  /** Number of general templates. */
  static final int TEMPLATES = 30;

  private static final Map<String, String> OTHER_PLURALS =
      Map.of("people", "person", "fishes", "fish");

  private static final Pattern ARTICLE = Pattern.compile("^(?:an?|the)\\s+");

  /** All sets, read on first use. */
  private static final class Sets {
    private static final Map<String, List<String>> BY_NAME =
        NAMES_WITH_A_SET.stream()
            .collect(Collectors.toUnmodifiableMap(Function.identity(), Sets::read));

    private static List<String> read(String name) {
      String resource = "prompts/" + name + ".txt";
      try (InputStream in = BuiltInPrompts.class.getResourceAsStream(resource)) {
        if (in == null) {
          throw new IllegalStateException(resource + " is missing next to " + BuiltInPrompts.class);
        }
        return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
      } catch (IOException e) {
        throw new UncheckedIOException(resource + " next to " + BuiltInPrompts.class, e);
      }
    }
  }

  private static final List<String> OF_A_STYLE =
      List.of(
          "{anchor} of a harbour at dawn with fishing boats",
          "{anchor} of an old woman reading by a window",
          "{anchor} of a mountain lake under storm clouds",
          "{anchor} of a bowl of pears and grapes on a table",
          "{anchor} of a crowded market in the rain",
          "{anchor} of a shepherd with his flock on a hill",
          "{anchor} of a steam train crossing a bridge",
          "{anchor} of sunflowers in a clay vase",
          "{anchor} of a street with cafés at night",
          "{anchor} of a girl with a red umbrella",
          "{anchor} of a forest path covered in leaves",
          "{anchor} of two musicians playing cello and piano",
          "{anchor} of a windmill beside a canal",
          "{anchor} of a sleeping dog on a rug",
          "{anchor} of waves breaking against cliffs",
          "{anchor} of a castle on a rock above a village",
          "{anchor} of a winter village with smoking chimneys",
          "{anchor} of a blacksmith at work",
          "{anchor} of a garden with a pond and water lilies",
          "{anchor} of a child flying a kite on the beach",
          "{anchor} of a cathedral seen across the river",
          "{anchor} of horses grazing in the morning mist",
          "{anchor} of an orchard in blossom",
          "{anchor} of a portrait of a man with a grey beard",
          "{anchor} of a desert road beneath a full moon",
          "{anchor} of an attic studio with brushes and canvases",
          "{anchor} of dancers behind a stage curtain",
          "{anchor} of a sailing ship in heavy seas",
          "{anchor} of a kitchen with copper pots",
          "{anchor} of a wheat field with crows");

  private static final List<String> OF_AN_INSTANCE =
      List.of(
          "a photo of a {anchor}",
          "a {anchor} beside a window on a rainy day",
          "a close-up of a {anchor} in soft light",
          "a {anchor} on a wooden table",
          "a small {anchor} in the grass",
          "a {anchor} in front of a brick wall",
          "a drawing of a {anchor} on lined paper",
          "a {anchor} in the snow at sunset",
          "a {anchor} seen from above",
          "a {anchor} next to a pile of books",
          "an oil painting of a {anchor}",
          "a {anchor} on the beach, waves behind it",
          "a {anchor} in an empty street at night",
          "a black and white photograph of a {anchor}",
          "a {anchor} reflected in a puddle",
          "a {anchor} under an apple tree",
          "a {anchor} in a crowded market",
          "two of them: a {anchor} and another {anchor}",
          "a {anchor} behind glass in a museum",
          "a {anchor} on a stage in a spotlight",
          "a {anchor} in a field of lavender",
          "a {anchor} at the foot of a staircase",
          "a {anchor} with a red ribbon",
          "a watercolour of a {anchor} in spring",
          "a {anchor} in the fog near a lighthouse",
          "a toy that looks like a {anchor}",
          "a {anchor} on a kitchen chair",
          "a {anchor} painted on an old door",
          "a {anchor} in a basket",
          "a blurry snapshot of a {anchor} in motion");

  private BuiltInPrompts() {}

  /**
   * Returns the set's name for an anchor's name, which may be a plural or have capital letters or
   * an article ("Cats", "a cat": "cat").
   *
   * @param name an anchor's name
   * @return the set's name; without such a set, {@code name} without surrounding white space
   */
  static String nameOfSet(String name) {
    String stripped = name.strip();
    String word = ARTICLE.matcher(stripped.toLowerCase(Locale.ROOT)).replaceFirst("");
    String plain = OTHER_PLURALS.getOrDefault(word, word);
    for (String known : NAMES_WITH_A_SET) {
      if (plain.equals(known) || plain.equals(known + "s")) {
        return known;
      }
    }
    return stripped;
  }

  static List<String> answer(PromptRequest request) {
    Preconditions.checkArgument(
        request.kind() == PromptRequest.Kind.CAPTIONS,
        "the built-in prompts are captions, not paraphrases of '%s'; use a file, a list or a chat model"
            + " for paraphrases",
        request.subject());
    return about(nameOfSet(request.subject()), ConceptKind.INSTANCE);
  }

  static List<String> about(String anchor, ConceptKind kind) {
    // Only for an exact name, because an instance must find it in each prompt.
    List<String> set = Sets.BY_NAME.get(anchor.toLowerCase(Locale.ROOT));
    return set == null ? templates(anchor, kind) : set;
  }

  /** Short prompts for any name. */
  static List<String> templates(String anchor, ConceptKind kind) {
    List<String> templates = kind == ConceptKind.STYLE ? OF_A_STYLE : OF_AN_INSTANCE;
    return templates.stream().map(template -> template.replace("{anchor}", anchor)).toList();
  }
}
