package dev.ablation.evaluation;

import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.metric.TextImageSimilarity;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Counts images whose best matching text is the concept's; encodes the texts only once. */
final class ZeroShotDetector implements ConceptDetector {
  private final TextImageEncoder encoder;
  private final List<String> texts;
  private final int concept;
  private final boolean accuracy;
  private @Nullable FeatureMatrix labels;

  /**
   * Creates a detector.
   *
   * @param accuracy whether two texts are compared by their scores, as CLIP accuracy does: negative
   *     cosines are equal, and a tie does not count
   */
  ZeroShotDetector(TextImageEncoder encoder, List<String> texts, int concept, boolean accuracy) {
    this.encoder = encoder;
    this.texts = texts;
    this.concept = concept;
    this.accuracy = accuracy;
  }

  @Override
  public String name() {
    return accuracy
        ? "'%s' rather than '%s'".formatted(texts.get(concept), texts.get(1 - concept))
        : "'%s' among %s".formatted(texts.get(concept), texts);
  }

  @Override
  public TextImageEncoder extractor() {
    return encoder;
  }

  @Override
  public double[] shows(FeatureMatrix features) {
    FeatureMatrix encoded = labels;
    if (encoded == null) {
      encoded = encoder.encode(texts);
      labels = encoded;
    }
    TextImageSimilarity similarity = TextImageSimilarity.of(features, encoded);
    if (accuracy) {
      return similarity.preferences(concept, 1 - concept);
    }
    double[] shown = new double[features.rows()];
    for (int i = 0; i < shown.length; i++) {
      shown[i] = similarity.best(i) == concept ? 1 : 0;
    }
    return shown;
  }
}
