package dev.ablation.emoji;

import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiConcept;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/** The prompts of a closed form on the emoji model: it sees no image, but many captions. */
final class ClosedFormCaptions {
  private final Vocabulary vocabulary;
  private final Set<String> gone;

  /**
   * Begins with what is removed.
   *
   * @param targets all targets of the run
   */
  ClosedFormCaptions(Vocabulary vocabulary, List<Concept> targets) {
    this.vocabulary = vocabulary;
    gone = new LinkedHashSet<>(targets.stream().map(target -> plain(target.name())).toList());
  }

  private static String plain(String name) {
    return name.replaceFirst("^an? ", "");
  }

  /**
   * Adds captions of the anchor of an object in all forms, of which training needs but a few. The
   * memorised image has one caption, which a closed form can lead to one other caption alone.
   *
   * @param target what is removed
   * @param anchor its name, with the article
   * @param prompts those of training
   */
  List<String> anchors(Concept target, String anchor, List<String> prompts) {
    if (target.kind() == ConceptKind.MEMORIZED_IMAGE) {
      return prompts.stream().filter(prompt -> prompt.contains(anchor)).limit(1).toList();
    }
    if (target.kind() != ConceptKind.INSTANCE) {
      return prompts;
    }
    String name = plain(anchor);
    Stream<String> styled =
        styles().stream().flatMap(style -> Captions.ofConcept(name, style).stream());
    return Stream.concat(
            prompts.stream(),
            Stream.concat(Captions.ofConcept(name).stream(), styled)
                .filter(caption -> (" " + caption + " ").contains(" " + anchor + " ")))
        .distinct()
        .toList();
  }

  /**
   * Lists what must stay: every other object without a style and in one of the other styles, in
   * turn and in all forms; the other styles and the categories by themselves; the memorised image;
   * the empty prompt of guidance.
   */
  List<String> preserved() {
    List<String> things = things();
    List<String> styles = styles();
    Set<String> kept = new LinkedHashSet<>(List.of(""));
    for (int i = 0; i < things.size(); i++) {
      String thing = things.get(i);
      kept.add(inTurn(Captions.ofConcept(thing), i));
      List<String> forms = Captions.ofConcept(thing, styles.get(i % styles.size()));
      kept.add(inTurn(forms, i / styles.size()));
    }
    for (String style : styles) {
      kept.addAll(Captions.ofStyle(style));
    }
    for (String category : vocabulary.categories()) {
      kept.addAll(Captions.ofConcept(category).subList(0, 2));
    }
    if (!gone.contains(vocabulary.plantedCaption())) {
      kept.add(vocabulary.plantedCaption());
    }
    return List.copyOf(kept);
  }

  /**
   * Lists captions whose images stay under redirection: every other object in every other style, in
   * turn in all forms. Without a style, or by its category, the model might draw what is removed.
   */
  List<String> kept() {
    List<String> things = things();
    List<String> styles = styles();
    List<String> kept = new ArrayList<>();
    for (int i = 0; i < things.size(); i++) {
      for (int j = 0; j < styles.size(); j++) {
        kept.add(inTurn(Captions.ofConcept(things.get(i), styles.get(j)), i + j));
      }
    }
    if (!gone.contains(vocabulary.plantedCaption())) {
      kept.add(vocabulary.plantedCaption());
    }
    return List.copyOf(kept);
  }

  /** Lists captions that say little: objects without a style, and categories. */
  List<String> neutral() {
    List<String> things = things();
    List<String> neutral = new ArrayList<>();
    for (int i = 0; i < things.size(); i++) {
      neutral.add(inTurn(Captions.ofConcept(things.get(i)), i));
    }
    for (String category : vocabulary.categories()) {
      neutral.addAll(Captions.ofConcept(category).subList(0, 2));
    }
    return List.copyOf(neutral);
  }

  private List<String> things() {
    List<String> things =
        new ArrayList<>(
            vocabulary.concepts().stream()
                .map(EmojiConcept::name)
                .filter(name -> !gone.contains(name))
                .toList());
    Collections.shuffle(things, new Random(0));
    return things;
  }

  private List<String> styles() {
    return vocabulary.styles().stream().filter(style -> !gone.contains(style)).toList();
  }

  private static String inTurn(List<String> forms, int i) {
    return forms.get(i % forms.size());
  }
}
