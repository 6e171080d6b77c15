package dev.ablation.evaluation;

import dev.ablation.evaluate.FeatureMatrix;
import dev.ablation.evaluate.TextImageEncoder;
import dev.ablation.evaluate.TextImageSimilarity;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Counts pictures whose best label is the concept's; the labels are encoded once. */
final class ZeroShotDetector implements ConceptDetector {
  private final TextImageEncoder encoder;
  private final List<String> texts;
  private final int concept;
  private @Nullable FeatureMatrix labels;

  ZeroShotDetector(TextImageEncoder encoder, List<String> texts, int concept) {
    this.encoder = encoder;
    this.texts = texts;
    this.concept = concept;
  }

  @Override
  public String name() {
    return "'%s' among %s".formatted(texts.get(concept), texts);
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
    double[] shown = new double[features.rows()];
    for (int i = 0; i < shown.length; i++) {
      shown[i] = similarity.best(i) == concept ? 1 : 0;
    }
    return shown;
  }
}
