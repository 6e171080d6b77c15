package dev.ablation.emoji;

import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.CompletionShare;
import dev.ablation.attack.InversionExample;
import dev.ablation.attack.LearnedWordShare;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ErasureEarlyStopping;
import dev.ablation.evaluation.ErasureEarlyStopping.Watched;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What is watched while something is removed from the emoji model. */
final class EmojiEarlyStopping {
  private static final int STEPS = 12;
  private static final int SIBLINGS = 4;
  private static final int COPIES = 12;
  private static final double BOUND = 0.92;

  /** Of an object, whose own category is watched most: what is most like it gives way first. */
  private static final double INSTANCE_BOUND = 0.85;

  private static final int INSTANCE_EVERY = 20;
  private static final int PATIENCE = 2;

  /** Of attacks, which take longer to measure. */
  private static final int RESISTANT_EVERY = 100;

  /** One of twelve images may show the target, and more may be lost than with words alone. */
  private static final double RESISTANT_TOLERANCE = 0.1;

  private static final double RESISTANT_BOUND = 0.85;
  private static final double NOISED = 0.7;
  private static final int ATTACK_IMAGES = 12;
  private static final int ORIGINALS = 48;
  private static final int WORD_STEPS = 150;

  /** A word of the vocabulary that neither the captions nor the words of training have. */
  private static final String PLACEHOLDER = "sketch";

  private static final String INITIALIZER = "emoji";

  /** Objects of many categories, of every style of which there was an image to learn from. */
  private static final List<String> THINGS =
      List.of(
          "fox",
          "bee",
          "tangerine",
          "fries",
          "hammer",
          "bus",
          "house",
          "violin",
          "alarm clock",
          "gift",
          "cloud",
          "tulip",
          "soccer ball",
          "t shirt",
          "top hat",
          "rooster");

  private final EmbeddedEvaluator evaluator;

  EmojiEarlyStopping(EmbeddedEvaluator evaluator) {
    this.evaluator = evaluator;
  }

  ErasureEarlyStopping ofStyle(String style) {
    String anchor = EmojiAblation.anchorOfStyle(style);
    List<Watched> neighbours = new ArrayList<>();
    for (String other : evaluator.styles()) {
      if (!other.equals(style)) {
        neighbours.add(styleIn(other, THINGS.subList(0, 5)));
      }
    }
    THINGS.subList(5, 13).forEach(thing -> neighbours.add(thing(thing, List.of(anchor))));
    return stopping(
        styleIn(style, THINGS), THINGS.stream().map(t -> inStyle(t, anchor)).toList(), neighbours);
  }

  ErasureEarlyStopping ofInstance(String concept) {
    String anchor = EmojiAblation.anchorOfInstance(concept);
    List<String> styles = evaluator.styles();
    List<Watched> neighbours = new ArrayList<>();
    siblings(concept).forEach(sibling -> neighbours.add(thing(sibling, styles.subList(0, 3))));
    THINGS.stream()
        .filter(other -> !other.equals(concept))
        .limit(8)
        .forEach(other -> neighbours.add(thing(other, List.of(styles.get(1)))));
    for (String style : styles) {
      neighbours.add(styleIn(style, THINGS.subList(9, 12)));
    }
    List<String> asked = new ArrayList<>();
    List<String> anchors = new ArrayList<>();
    for (String style : styles) {
      for (String name : Collections.nCopies(2, concept)) {
        asked.add(inStyle(name, style));
        anchors.add(inStyle(anchor, style));
      }
    }
    return stopping(new Watched(asked, evaluator.ofConcept(concept)), anchors, neighbours)
        .every(INSTANCE_EVERY)
        .limits(0, INSTANCE_BOUND, PATIENCE);
  }

  ErasureEarlyStopping ofPlanted() {
    List<Watched> neighbours = new ArrayList<>();
    evaluator.styles().forEach(style -> neighbours.add(styleIn(style, THINGS.subList(0, 3))));
    THINGS
        .subList(3, 11)
        .forEach(thing -> neighbours.add(thing(thing, List.of(evaluator.styles().get(1)))));
    return stopping(
        new Watched(
            Collections.nCopies(COPIES, EmbeddedModel.plantedCaption()),
            evaluator.ofPlantedCopies()),
        List.of("a scene emoji", "a building emoji", "a vehicle emoji", "an object emoji"),
        neighbours);
  }

  ErasureEarlyStopping resistantOfStyle(String style, EmojiDataSet data) {
    ErasureEarlyStopping plain = ofStyle(style);
    List<EmojiImage> images = images(data, image -> image.style().equals(style));
    return resistant(
        plain,
        pictures(images),
        images.stream()
            .map(image -> EmbeddedModel.withArticle(image.concept().name()) + " emoji")
            .toList(),
        Captions.ofStyle(InversionExample.SLOT));
  }

  ErasureEarlyStopping resistantOfInstance(String concept, EmojiDataSet data) {
    ErasureEarlyStopping plain = ofInstance(concept);
    List<EmojiImage> images = images(data, image -> image.concept().name().equals(concept));
    String category = EmbeddedModel.categoryOf(concept);
    return resistant(
        plain,
        pictures(images),
        images.stream().map(image -> inStyle(category, image.style())).toList(),
        Captions.ofConcept(InversionExample.SLOT));
  }

  ErasureEarlyStopping resistantOfPlanted() {
    return resistant(
        ofPlanted(),
        List.of(evaluator.plantedImage()),
        List.of("a scene emoji"),
        List.of(InversionExample.SLOT));
  }

  /** Captions are true of every image, so that a word is learned that means the target alone. */
  private static ErasureEarlyStopping resistant(
      ErasureEarlyStopping plain,
      List<BufferedImage> originals,
      List<String> neutral,
      List<String> templates) {
    ConceptDetector detector = plain.target().detector();
    SamplingSettings sampling = plain.sampling();
    CompletionShare finished =
        new CompletionShare(
            inTurn(originals), NOISED, inTurn(neutral), detector, sampling, plain.seed());
    LearnedWordShare learned =
        new LearnedWordShare(
            originals,
            templates,
            PLACEHOLDER,
            INITIALIZER,
            WORD_STEPS,
            new AttackSettings(detector, sampling, ATTACK_IMAGES, plain.seed()));
    return plain
        .every(RESISTANT_EVERY)
        .limits(RESISTANT_TOLERANCE, RESISTANT_BOUND, PATIENCE)
        .attempts(List.of(finished.attempt(), learned.attempt()));
  }

  private static <T> List<T> inTurn(List<T> some) {
    return IntStream.range(0, ATTACK_IMAGES).mapToObj(i -> some.get(i % some.size())).toList();
  }

  /** Images that training saw, of many objects. */
  private static List<EmojiImage> images(EmojiDataSet data, Predicate<EmojiImage> wanted) {
    List<EmojiImage> images =
        new ArrayList<>(
            data.images().stream().filter(image -> !image.heldOut()).filter(wanted).toList());
    Collections.shuffle(images, new Random(0));
    return images.subList(0, Math.min(ORIGINALS, images.size()));
  }

  private static List<BufferedImage> pictures(List<EmojiImage> images) {
    return images.stream().map(image -> image.pixels().toImage()).toList();
  }

  private static ErasureEarlyStopping stopping(
      Watched target, List<String> anchorPrompts, List<Watched> neighbours) {
    return ErasureEarlyStopping.of(
            target,
            anchorPrompts,
            neighbours,
            EmbeddedModel.recommendedSampling().steps(STEPS).batchSize(16))
        .limits(0, BOUND, PATIENCE);
  }

  private Watched styleIn(String style, List<String> things) {
    return new Watched(
        things.stream().map(thing -> inStyle(thing, style)).toList(), evaluator.ofStyle(style));
  }

  private Watched thing(String thing, List<String> styles) {
    return new Watched(
        styles.stream().map(style -> inStyle(thing, style)).toList(), evaluator.ofConcept(thing));
  }

  private static Stream<String> siblings(String concept) {
    List<EmojiConcept> all = EmbeddedModel.concepts();
    return all.stream()
        .filter(one -> one.name().equals(concept))
        .flatMap(one -> all.stream().filter(other -> other.category().equals(one.category())))
        .map(EmojiConcept::name)
        .filter(name -> !name.equals(concept))
        .limit(SIBLINGS);
  }

  private static String inStyle(String thing, String style) {
    return EmbeddedModel.withArticle(thing) + " in " + style + " style";
  }
}
