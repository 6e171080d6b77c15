package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.evaluate.CopyDetection;
import dev.ablation.evaluate.FeatureExtractor;
import dev.ablation.evaluate.FeatureMatrix;
import dev.ablation.evaluate.TextImageEncoder;
import dev.ablation.evaluate.TextImageSimilarity;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;

/**
 * Tells which pictures show a concept: what "drawn", "unlearned" and "recovered" are counted by.
 *
 * {@snippet class="dev.ablation.Snippets" region="detector"}
 */
public interface ConceptDetector {

  /** {@return a name that tells everything that shapes the answers; results keep it} */
  String name();

  /** {@return what the pictures are looked at with} */
  FeatureExtractor extractor();

  /**
   * Looks at pictures.
   *
   * @param features of any number of pictures, by {@link #extractor()}
   * @return for each picture 1 if it shows the concept, else 0
   */
  double[] shows(FeatureMatrix features);

  /**
   * Looks at pictures.
   *
   * @param pictures at least one
   * @return for each picture 1 if it shows the concept, else 0
   */
  default double[] shows(List<BufferedImage> pictures) {
    return shows(extractor().extract(pictures));
  }

  /**
   * Counts pictures that go better with the concept's text than with another, as CLIP accuracy
   * does.
   *
   * @param encoder of pictures and texts
   * @param text of the concept, see {@link dev.ablation.evaluate.ClipScore#text}
   * @param other such as the anchor's text
   * @return the detector
   * @throws IllegalArgumentException if the texts are equal
   */
  static ConceptDetector preferring(TextImageEncoder encoder, String text, String other) {
    return zeroShot(encoder, List.of(text, other), 0);
  }

  /**
   * Counts pictures whose best text among some labels is the concept's.
   *
   * @param encoder of pictures and texts
   * @param texts the labels, at least two, all different
   * @param concept index of the concept's label
   * @return the detector; of two equally good labels the first counts
   * @throws IllegalArgumentException if there are fewer than two labels, two are equal, or the
   *     index is none of theirs
   */
  static ConceptDetector zeroShot(TextImageEncoder encoder, List<String> texts, int concept) {
    Objects.requireNonNull(encoder, "encoder");
    List<String> labels = List.copyOf(texts);
    Preconditions.checkArgument(
        labels.size() >= 2, "texts must be at least 2 to choose from, were %s", labels);
    Preconditions.checkArgument(
        new TreeSet<>(labels).size() == labels.size(), "texts must differ, were %s", labels);
    Preconditions.checkArgument(
        concept >= 0 && concept < labels.size(),
        "concept must be the index of one of %s texts, was %s",
        labels.size(),
        concept);
    return new ZeroShotDetector(encoder, labels, concept);
  }

  /**
   * Counts copies of pictures, such as a memorised one.
   *
   * @param detection extractor and threshold
   * @param originals at least one
   * @return the detector
   */
  static ConceptDetector copying(CopyDetection detection, List<BufferedImage> originals) {
    FeatureMatrix features = detection.extractor().extract(originals);
    return new ConceptDetector() {
      @Override
      public String name() {
        return "copies of %d pictures, cosine above %s"
            .formatted(features.rows(), detection.threshold());
      }

      @Override
      public FeatureExtractor extractor() {
        return detection.extractor();
      }

      @Override
      public double[] shows(FeatureMatrix pictures) {
        TextImageSimilarity similarity = TextImageSimilarity.of(pictures, features);
        double[] shown = new double[pictures.rows()];
        for (int i = 0; i < shown.length; i++) {
          shown[i] = similarity.cosine(i, similarity.best(i)) > detection.threshold() ? 1 : 0;
        }
        return shown;
      }
    };
  }
}
