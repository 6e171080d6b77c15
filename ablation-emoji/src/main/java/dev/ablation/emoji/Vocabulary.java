package dev.ablation.emoji;

import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.EmojiConcept;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The words that the embedded model was taught: those of the data set that it was trained on.
 *
 * @param styles names of styles
 * @param plantedCaption the caption of the memorised image
 * @param concepts objects, those of a category next to each other
 * @param heldOut pairs of these objects and styles that it was never shown together
 */
record Vocabulary(
    List<String> styles,
    String plantedCaption,
    List<EmojiConcept> concepts,
    List<DataSetIndex.Pair> heldOut) {

  Vocabulary {
    styles = List.copyOf(styles);
    concepts = List.copyOf(concepts);
    heldOut = List.copyOf(heldOut);
  }

  static Vocabulary read() {
    try {
      return of(DataSetIndex.load());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Vocabulary of(DataSetIndex index) {
    List<EmojiConcept> taught =
        index.concepts().stream()
            .map(entry -> new EmojiConcept(entry.name(), entry.category()))
            .toList();
    Set<String> names = taught.stream().map(EmojiConcept::name).collect(Collectors.toSet());
    return new Vocabulary(
        index.styles(),
        index.plantedCaption(),
        taught,
        index.heldOut().stream().filter(pair -> names.contains(pair.concept())).toList());
  }

  List<String> categories() {
    return concepts.stream().map(EmojiConcept::category).distinct().toList();
  }
}
