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
 * @param concepts things, those of a category next to each other
 */
record Vocabulary(List<String> styles, String plantedCaption, List<EmojiConcept> concepts) {

  Vocabulary {
    styles = List.copyOf(styles);
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

  List<String> categories() {
    return concepts.stream().map(EmojiConcept::category).distinct().toList();
  }
}
