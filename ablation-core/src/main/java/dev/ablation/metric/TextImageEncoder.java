package dev.ablation.metric;

import java.util.List;

/**
 * A feature extractor that puts texts into the same space as images, so that their cosine says how
 * well they go together: CLIP (Radford et al. 2021, arXiv 2103.00020).
 */
public interface TextImageEncoder extends FeatureExtractor {

  /**
   * Encodes texts.
   *
   * @param texts at least one; a text longer than the context is cut at its end
   * @return one row a text, in their order, of the images' dimension; not normalised
   * @throws IllegalArgumentException if there is no text
   */
  FeatureMatrix encode(List<String> texts);

  /** {@return the factor by which the model was trained to scale cosines before a softmax} */
  double logitScale();
}
