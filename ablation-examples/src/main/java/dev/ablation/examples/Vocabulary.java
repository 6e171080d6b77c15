package dev.ablation.examples;

import com.google.gson.Gson;
import dev.ablation.examples.dataset.EmojiConcept;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The words that the embedded model was taught.
 *
 * @param styles names of styles
 * @param plantedCaption the caption of the memorised picture
 * @param withoutArticle concepts that captions name without an article, such as "glasses"
 * @param concepts things, those of a category next to each other
 */
record Vocabulary(
    List<String> styles,
    String plantedCaption,
    List<String> withoutArticle,
    List<EmojiConcept> concepts) {

  Vocabulary {
    styles = List.copyOf(styles);
    withoutArticle = List.copyOf(withoutArticle);
    concepts = List.copyOf(concepts);
  }

  static Vocabulary read() {
    try (InputStream bytes = ModelFiles.resource("vocabulary.json");
        Reader text = new InputStreamReader(bytes, StandardCharsets.UTF_8)) {
      return new Gson().fromJson(text, Vocabulary.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String withArticle(String name) {
    if (withoutArticle.contains(name)) {
      return name;
    }
    return ("aeiou".indexOf(name.charAt(0)) < 0 ? "a " : "an ") + name;
  }

  List<String> categories() {
    return concepts.stream().map(EmojiConcept::category).distinct().toList();
  }
}
