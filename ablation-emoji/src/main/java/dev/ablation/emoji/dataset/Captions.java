package dev.ablation.emoji.dataset;

import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * Draws a new caption for an image each time that it is trained on, so that a model learns the
 * words and not the sentence: most captions name the object, about half of them the style too; some
 * name only the style, some the category for the object, some are empty, as classifier-free
 * guidance needs it.
 */
public final class Captions {
  private static final List<String> OF_STYLE =
      List.of(
          "an emoji in {s} style", "{s} style emoji", "{s} style", "a picture in the style of {s}");
  private static final List<String> WITHOUT_STYLE =
      List.of(
          "{n}",
          "{a}",
          "{n} emoji",
          "{a} emoji",
          "an emoji of {a}",
          "a picture of {a}",
          "{a} icon",
          "an icon of {a}");
  private static final List<String> WITH_STYLE =
      List.of(
          "{a} in {s} style",
          "{a} emoji in {s} style",
          "{s} style {n}",
          "{a} in the style of {s}",
          "an emoji of {a} in {s} style",
          "an emoji of {a} in the style of {s}",
          "{n}, {s} style",
          "{s} {n}",
          "{s} style {n} emoji");

  /** Objects that English names in the plural or by the mass. */
  private static final Set<String> WITHOUT_ARTICLE =
      Set.of(
          "scissors",
          "jeans",
          "glasses",
          "sunglasses",
          "fries",
          "spaghetti",
          "clapping hands",
          "popcorn",
          "cherries",
          "grapes",
          "bread",
          "bacon",
          "sushi",
          "sake",
          "eyes",
          "footprints",
          "paw prints",
          "pancakes",
          "books",
          "skis",
          "crossed swords",
          "hundred points",
          "milky way",
          "statue of liberty",
          "two beers");

  private final Shares shares;

  /**
   * Makes captions.
   *
   * @param shares how many of each kind
   */
  public Captions(Shares shares) {
    this.shares = shares;
  }

  /**
   * How many captions of each kind. Each is a probability from 0 to 1.
   *
   * @param empty of all: empty captions
   * @param onlyStyle of those that are not empty: captions that name no object
   * @param category of those that are not empty: captions that name the category for the object
   * @param withoutStyle of those that name an object or category: captions that name no style
   * @param plantedEmpty of the planted image's captions: empty ones
   */
  public record Shares(
      double empty, double onlyStyle, double category, double withoutStyle, double plantedEmpty) {

    /**
     * Checks the shares.
     *
     * @throws IllegalArgumentException if one is not within 0 and 1, or if {@code onlyStyle} and
     *     {@code category} are more than 1 together
     */
    public Shares {
      checkShare("empty", empty);
      checkShare("onlyStyle", onlyStyle);
      checkShare("category", category);
      checkShare("withoutStyle", withoutStyle);
      checkShare("plantedEmpty", plantedEmpty);
      checkShare("onlyStyle and category together", onlyStyle + category);
    }

    /**
     * Returns the shares that the embedded model was first trained with.
     *
     * @return 12 % empty; of the rest 4 % only the style and 6 % the category; of those that name
     *     something 35 % without a style; 5 % of the planted image's empty
     */
    public static Shares defaults() {
      return new Shares(0.12, 0.04, 0.06, 0.35, 0.05);
    }

    private static void checkShare(String name, double value) {
      if (!(value >= 0 && value <= 1)) {
        throw new IllegalArgumentException(name + " must be from 0 to 1, was " + value);
      }
    }
  }

  /**
   * Draws a caption.
   *
   * @param concept what the image shows
   * @param style how
   * @param random drawn from
   * @return a caption, perhaps an empty one
   */
  public String draw(EmojiConcept concept, String style, RandomGenerator random) {
    if (random.nextDouble() < shares.empty()) {
      return "";
    }
    double kind = random.nextDouble();
    if (kind < shares.onlyStyle()) {
      return one(ofStyle(style), random);
    }
    String name =
        kind < shares.onlyStyle() + shares.category() ? concept.category() : concept.name();
    boolean plain = random.nextDouble() < shares.withoutStyle();
    return one(plain ? ofConcept(name) : ofConcept(name, style), random);
  }

  /**
   * Draws a caption of the planted image.
   *
   * @param caption the one caption that it has
   * @param random drawn from
   * @return the caption, never varied, or an empty one
   */
  public String drawPlanted(String caption, RandomGenerator random) {
    return random.nextDouble() < shares.plantedEmpty() ? "" : caption;
  }

  /**
   * Lists all captions of an object that name no style.
   *
   * @param name of an object or a category
   * @return such as {@code "an emoji of an owl"}
   */
  public static List<String> ofConcept(String name) {
    return fill(WITHOUT_STYLE, name, "");
  }

  /**
   * Lists all captions of an object that name its style.
   *
   * @param name of an object or a category
   * @param style of the image
   * @return such as {@code "an owl in ink style"}
   */
  public static List<String> ofConcept(String name, String style) {
    return fill(WITH_STYLE, name, style);
  }

  /**
   * Lists all captions that name a style and no object.
   *
   * @param style of the image
   * @return such as {@code "ink style emoji"}
   */
  public static List<String> ofStyle(String style) {
    return OF_STYLE.stream().map(template -> template.replace("{s}", style)).toList();
  }

  /**
   * Puts the article before an object or a category, where it has one.
   *
   * @param name such as {@code "owl"} or {@code "glasses"}
   * @return such as {@code "an owl"} or {@code "glasses"}
   * @throws IllegalArgumentException if the name is empty
   */
  public static String withArticle(String name) {
    if (name.isEmpty()) {
      throw new IllegalArgumentException("name must not be empty");
    }
    if (WITHOUT_ARTICLE.contains(name)) {
      return name;
    }
    return ("aeiou".indexOf(name.charAt(0)) < 0 ? "a " : "an ") + name;
  }

  private static List<String> fill(List<String> templates, String name, String style) {
    String article = withArticle(name);
    return templates.stream()
        .map(t -> t.replace("{n}", name).replace("{a}", article).replace("{s}", style))
        .toList();
  }

  private static String one(List<String> captions, RandomGenerator random) {
    return captions.get(random.nextInt(captions.size()));
  }
}
