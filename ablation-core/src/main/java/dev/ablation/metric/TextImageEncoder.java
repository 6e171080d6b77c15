package dev.ablation.metric;

import java.util.List;

/**
 * A feature extractor that embeds texts in the same space as images, so that the cosine of a text
 * and an image says how well they match: CLIP (Radford et al. 2021, arXiv 2103.00020).
 */
public interface TextImageEncoder extends FeatureExtractor {

  /**
   * Encodes texts.
   *
   * @param texts at least one text; one that is longer than the context is truncated
   * @return one row for each text, in their order, of the same dimension as for images; not
   *     normalized
   * @throws IllegalArgumentException if there is no text
   */
  FeatureMatrix encode(List<String> texts);

  /** {@return the factor that scales cosines before the softmax, as learned in training} */
  double logitScale();
}
