package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.evaluate.ExtractorInfo;
import dev.ablation.evaluate.FeatureMatrix;
import dev.ablation.evaluate.TextImageEncoder;
import dev.ablation.evaluate.TextImageSimilarity;
import java.awt.image.BufferedImage;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;

/**
 * Compares pictures with texts.
 *
 * @param strict whether a tie with another text is no hit, as in the paper's accuracy; else the
 *     first of equal texts wins
 */
record TextDetector(
    String kind, TextImageEncoder encoder, List<String> texts, int text, boolean strict)
    implements ConceptDetector {
  TextDetector {
    Objects.requireNonNull(encoder, "encoder");
    texts = List.copyOf(texts);
    Preconditions.checkArgument(
        texts.size() >= 2, "texts must be at least 2 to choose from, were %s", texts);
    Preconditions.checkArgument(
        new HashSet<>(texts).size() == texts.size(), "texts must differ, were %s", texts);
  }

  @Override
  public String name() {
    return "%s, '%s' of %s".formatted(kind, texts.get(text), texts);
  }

  @Override
  public ExtractorInfo extractor() {
    return encoder.info();
  }

  @Override
  public double[] shows(List<BufferedImage> pictures) {
    if (pictures.isEmpty()) {
      return new double[0];
    }
    FeatureMatrix features = PictureBatch.checked(encoder, pictures);
    TextImageSimilarity similarity = TextImageSimilarity.of(features, encoder.encode(texts));
    if (strict) {
      return similarity.preferences(text, 1 - text);
    }
    double[] hits = new double[pictures.size()];
    for (int i = 0; i < hits.length; i++) {
      hits[i] = similarity.best(i) == text ? 1 : 0;
    }
    return hits;
  }
}
