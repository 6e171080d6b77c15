package dev.ablation.emoji.study;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import dev.ablation.emoji.EmbeddedModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The prompts for every model of the benchmark: each object in each style, several times. Half of
 * the styles and of the objects serve to choose settings; the other half shows whether these hold.
 *
 * @param styles all of the model's
 * @param concepts objects of many categories, none of which has a held-out pair
 * @param repeats images of each pair
 * @param seed of the first image; image i is drawn from seed + i
 * @param developmentStyles styles that settings may be chosen by
 * @param developmentConcepts objects that settings may be chosen by
 */
record AnswerSet(
    List<String> styles,
    List<String> concepts,
    int repeats,
    long seed,
    List<String> developmentStyles,
    List<String> developmentConcepts) {
  private static final String FILE = "answer-set.json";

  AnswerSet {
    styles = List.copyOf(styles);
    concepts = List.copyOf(concepts);
    developmentStyles = List.copyOf(developmentStyles);
    developmentConcepts = List.copyOf(developmentConcepts);
  }

  /**
   * A question.
   *
   * @param style the style in the prompt
   * @param concept the object in the prompt
   */
  record Question(String style, String concept) {
    String prompt() {
      return EmbeddedModel.withArticle(concept) + " in " + style + " style";
    }
  }

  /**
   * What an image shows.
   *
   * @param style the style that it goes best with
   * @param concept the object that it goes best with
   * @param planted whether it is a copy of the memorised image
   */
  record Answer(String style, String concept, boolean planted) {}

  static AnswerSet load() throws IOException {
    try (InputStream in =
            Objects.requireNonNull(AnswerSet.class.getResourceAsStream(FILE), "resource " + FILE);
        Reader reader = new InputStreamReader(in, StandardCharsets.UTF_8)) {
      return new Gson().fromJson(reader, AnswerSet.class);
    } catch (JsonParseException e) {
      throw new IOException(FILE + " is malformed: " + e.getMessage(), e);
    }
  }

  /** The same with fewer or more images of each pair. */
  AnswerSet repeats(int images) {
    return new AnswerSet(styles, concepts, images, seed, developmentStyles, developmentConcepts);
  }

  List<Question> questions() {
    List<Question> questions = new ArrayList<>();
    for (int repeat = 0; repeat < repeats; repeat++) {
      for (String concept : concepts) {
        for (String style : styles) {
          questions.add(new Question(style, concept));
        }
      }
    }
    return questions;
  }

  List<String> prompts() {
    return questions().stream().map(Question::prompt).toList();
  }

  /** Whether settings may be chosen by a target; the planted image is among these. */
  boolean isForDevelopment(StudyTarget target) {
    return switch (target.kind()) {
      case STYLE -> developmentStyles.contains(target.name());
      case INSTANCE -> developmentConcepts.contains(target.name());
      case PLANTED -> true;
    };
  }
}
