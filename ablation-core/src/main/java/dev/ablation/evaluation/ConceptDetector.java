package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.metric.ClipScore;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.metric.TextImageSimilarity;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;

/**
 * Decides which images show a concept. Shares of images that show the target or a neighbour are
 * counted with it.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="detector"}
 */
public interface ConceptDetector {

  /** {@return a name that includes everything that determines the answers; results contain it} */
  String name();

  /** {@return the extractor of the features} */
  FeatureExtractor extractor();

  /**
   * Classifies images by their features.
   *
   * @param features features of any number of images, from {@link #extractor()}
   * @return for each image 1 if it shows the concept, else 0
   */
  double[] shows(FeatureMatrix features);

  /**
   * Classifies images.
   *
   * @param images at least one image
   * @return for each image 1 if it shows the concept, else 0
   */
  default double[] shows(List<BufferedImage> images) {
    return shows(extractor().extract(images));
  }

  /**
   * Creates a detector that counts images as the paper's CLIP accuracy does: those that match the
   * concept's name better than the anchor's.
   *
   * @param encoder the encoder, such as OpenAI's CLIP ViT-B/32
   * @param concept the concept's name, such as {@code "van gogh"}
   * @param anchor name of the ablation's anchor, such as {@code "painting"}
   * @return the detector
   * @throws IllegalArgumentException if the names are equal
   */
  static ConceptDetector clip(TextImageEncoder encoder, String concept, String anchor) {
    return preferring(encoder, ClipScore.text(concept, anchor), ClipScore.text(anchor, anchor));
  }

  /**
   * Creates a detector of images whose CLIP score with the concept's text is higher than with
   * another text. A tie does not count.
   *
   * @param encoder the encoder of images and texts
   * @param text text of the concept, see {@link dev.ablation.metric.ClipScore#text}
   * @param other the other text, such as the anchor's
   * @return the detector
   * @throws IllegalArgumentException if the texts are equal
   */
  static ConceptDetector preferring(TextImageEncoder encoder, String text, String other) {
    Objects.requireNonNull(encoder, "encoder");
    Preconditions.checkArgument(!text.equals(other), "texts must differ, were both '%s'", text);
    return new ZeroShotDetector(encoder, List.of(text, other), 0, true);
  }

  /**
   * Creates a detector of images whose best matching label is the concept's.
   *
   * @param encoder the encoder of images and texts
   * @param texts the labels, at least two, all different
   * @param concept index of the concept's label
   * @return the detector; if two labels match equally well, the first counts
   * @throws IllegalArgumentException if there are fewer than two labels, two labels are equal, or
   *     the index is out of range
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
    return new ZeroShotDetector(encoder, labels, concept, false);
  }

  /**
   * Creates a detector of copies of images, such as a memorized one.
   *
   * @param detection extractor and threshold
   * @param originals the originals, at least one
   * @return the detector
   */
  static ConceptDetector copying(CopyDetection detection, List<BufferedImage> originals) {
    FeatureMatrix features = detection.extractor().extract(originals);
    return new ConceptDetector() {
      @Override
      public String name() {
        return "copies of %d images, cosine above %s"
            .formatted(features.rows(), detection.threshold());
      }

      @Override
      public FeatureExtractor extractor() {
        return detection.extractor();
      }

      @Override
      public double[] shows(FeatureMatrix images) {
        TextImageSimilarity similarity = TextImageSimilarity.of(images, features);
        double[] shown = new double[images.rows()];
        for (int i = 0; i < shown.length; i++) {
          shown[i] = similarity.cosine(i, similarity.best(i)) > detection.threshold() ? 1 : 0;
        }
        return shown;
      }
    };
  }
}
