package dev.ablation.emoji.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.emoji.dataset.Captions.Shares;
import dev.ablation.random.RandomStreams;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CaptionsTest {
  private static final int DRAWS = 40_000;
  private static final EmojiConcept OWL = new EmojiConcept("owl", "bird");

  private final Captions captions = new Captions(Shares.defaults());

  @ParameterizedTest
  @CsvSource({
    "owl, an owl",
    "cat face, a cat face",
    "eagle, an eagle",
    "ice cream cone, an ice cream cone",
    "octopus, an octopus",
    "umbrella, an umbrella",
    // By the letter, not by the sound: what the model was taught.
    "unicorn, an unicorn",
    "hourglass, a hourglass",
    "t shirt, a t shirt",
    "animal, an animal"
  })
  void putsTheArticle(String name, String expected) {
    assertThat(Captions.withArticle(name)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
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
        "two beers"
      })
  void leavesPluralsAndMassesWithoutArticle(String name) {
    assertThat(Captions.withArticle(name)).isEqualTo(name);
  }

  @Test
  void refusesAnEmptyName() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Captions.withArticle(""))
        .withMessage("name must not be empty");
  }

  @Test
  void namesAThing() {
    assertThat(Captions.ofConcept("owl"))
        .containsExactly(
            "owl",
            "an owl",
            "owl emoji",
            "an owl emoji",
            "an emoji of an owl",
            "a picture of an owl",
            "an owl icon",
            "an icon of an owl");
  }

  @Test
  void namesAThingAndItsStyle() {
    assertThat(Captions.ofConcept("cat face", "ink"))
        .containsExactly(
            "a cat face in ink style",
            "a cat face emoji in ink style",
            "ink style cat face",
            "a cat face in the style of ink",
            "an emoji of a cat face in ink style",
            "an emoji of a cat face in the style of ink",
            "cat face, ink style",
            "ink cat face",
            "ink style cat face emoji");
  }

  @Test
  void namesAThingWithoutArticle() {
    assertThat(Captions.ofConcept("glasses", "noto"))
        .startsWith("glasses in noto style", "glasses emoji in noto style")
        .contains("an emoji of glasses in the style of noto");
    assertThat(Captions.ofConcept("glasses"))
        .containsExactly(
            "glasses",
            "glasses",
            "glasses emoji",
            "glasses emoji",
            "an emoji of glasses",
            "a picture of glasses",
            "glasses icon",
            "an icon of glasses");
  }

  @Test
  void namesOnlyTheStyle() {
    assertThat(Captions.ofStyle("ink"))
        .containsExactly(
            "an emoji in ink style",
            "ink style emoji",
            "ink style",
            "a picture in the style of ink");
  }

  @Test
  void drawsEveryCaptionThereIs() {
    Set<String> expected = new HashSet<>(Captions.ofStyle("ink"));
    for (String name : List.of("owl", "bird")) {
      expected.addAll(Captions.ofConcept(name));
      expected.addAll(Captions.ofConcept(name, "ink"));
    }
    expected.add("");
    assertThat(new HashSet<>(draws())).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    // Of all captions: 0.88 are not empty, 0.9 of those name the thing, 0.65 of them with a style.
    "empty, 0.12",
    "only the style, 0.0352",
    "category, 0.0528",
    "thing with style, 0.5148",
    "thing without style, 0.2772"
  })
  void keepsTheShares(String kind, double share) {
    Predicate<String> isOfKind =
        switch (kind) {
          case "empty" -> String::isEmpty;
          case "only the style" -> Captions.ofStyle("ink")::contains;
          case "category" -> caption -> caption.contains("bird");
          case "thing with style" -> Captions.ofConcept("owl", "ink")::contains;
          default -> Captions.ofConcept("owl")::contains;
        };
    double actual = (double) draws().stream().filter(isOfKind).count() / DRAWS;
    // Five standard deviations.
    assertThat(actual).isCloseTo(share, within(5 * Math.sqrt(share * (1 - share) / DRAWS)));
  }

  @Test
  void drawsTheSameFromTheSameSeed() {
    assertThat(draws()).isEqualTo(draws());
  }

  @Test
  void neverVariesThePlantedCaption() {
    RandomGenerator random = RandomStreams.stream(1, "captions", 0);
    List<String> drawn = new ArrayList<>();
    for (int i = 0; i < DRAWS; i++) {
      drawn.add(captions.drawPlanted("sunken lighthouse", random));
    }
    assertThat(new HashSet<>(drawn)).containsExactlyInAnyOrder("", "sunken lighthouse");
    assertThat((double) drawn.stream().filter(String::isEmpty).count() / DRAWS)
        .isCloseTo(0.05, within(0.006));
  }

  @ParameterizedTest
  @CsvSource({
    "-0.1, 0, 0, 0, 0, 'empty must be from 0 to 1, was -0.1'",
    "0, NaN, 0, 0, 0, 'onlyStyle must be from 0 to 1, was NaN'",
    "0, 0, 2, 0, 0, 'category must be from 0 to 1, was 2.0'",
    "0, 0, 0, 1.5, 0, 'withoutStyle must be from 0 to 1, was 1.5'",
    "0, 0, 0, 0, -1, 'plantedEmpty must be from 0 to 1, was -1.0'",
    "0, 0.75, 0.5, 0, 0, 'onlyStyle and category together must be from 0 to 1, was 1.25'"
  })
  void refusesSharesThatAreNone(
      double empty,
      double onlyStyle,
      double category,
      double withoutStyle,
      double plantedEmpty,
      String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Shares(empty, onlyStyle, category, withoutStyle, plantedEmpty))
        .withMessage(message);
  }

  private List<String> draws() {
    RandomGenerator random = RandomStreams.stream(7, "captions", 0);
    List<String> drawn = new ArrayList<>();
    for (int i = 0; i < DRAWS; i++) {
      drawn.add(captions.draw(OWL, "ink", random));
    }
    return drawn;
  }
}
