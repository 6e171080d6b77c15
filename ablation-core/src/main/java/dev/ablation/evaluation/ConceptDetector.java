package dev.ablation.evaluation;

import dev.ablation.evaluate.ClipScore;
import dev.ablation.evaluate.CopyDetection;
import dev.ablation.evaluate.ExtractorInfo;
import dev.ablation.evaluate.TextImageEncoder;
import java.awt.image.BufferedImage;
import java.util.List;

/**
 * Tells which pictures show a concept: what "recovered" and "unlearned" are counted by. One thread
 * at a time.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="detector"}
 */
public interface ConceptDetector {

  /** {@return a name that tells everything that shapes the answers; results keep it} */
  String name();

  /** {@return what the pictures are looked at with} */
  ExtractorInfo extractor();

  /**
   * Looks at pictures.
   *
   * @param pictures any number, RGB
   * @return for each picture 1 if it shows the concept, else 0
   */
  double[] shows(List<BufferedImage> pictures);

  /**
   * The paper's test, CLIP accuracy: a picture shows the concept if it goes better with the
   * concept's name than with the anchor's.
   *
   * @param encoder such as CLIP ViT-B/32
   * @param concept its name, such as {@code "van gogh"}
   * @param anchor such as {@code "painting"}
   * @return the detector
   * @throws IllegalArgumentException if concept and anchor have the same name
   */
  static ConceptDetector clip(TextImageEncoder encoder, String concept, String anchor) {
    List<String> texts = List.of(ClipScore.text(concept, anchor), ClipScore.text(anchor, anchor));
    return new TextDetector("CLIP accuracy", encoder, texts, 0, true);
  }

  /**
   * A zero-shot classifier: a picture shows the concept if no other text goes better with it.
   *
   * @param encoder such as CLIP ViT-B/32
   * @param texts what there is to choose from, at least two, such as {@code "a photo of a cat"}
   * @param text the concept's, one of {@code texts}
   * @return the detector
   * @throws IllegalArgumentException if there are fewer than two texts, two are equal, or the
   *     concept's is not among them
   */
  static ConceptDetector zeroShot(TextImageEncoder encoder, List<String> texts, String text) {
    if (!texts.contains(text)) {
      throw new IllegalArgumentException(
          "text must be one of the texts %s, was '%s'".formatted(texts, text));
    }
    return new TextDetector("zero-shot", encoder, texts, texts.indexOf(text), false);
  }

  /**
   * A copy detector: a picture shows the concept if it is a copy of a memorised picture.
   *
   * @param detection extractor and threshold, such as SSCD and 0.5
   * @param originals the memorised pictures, at least one
   * @return the detector
   * @throws IllegalArgumentException if there are no originals
   */
  static ConceptDetector copies(CopyDetection detection, List<BufferedImage> originals) {
    return new CopyDetector(detection, originals);
  }
}
