package dev.ablation.metric;

import com.google.common.base.Preconditions;

/**
 * How well each image matches each text: the cosines of their embeddings, from which the CLIP
 * score, the CLIP accuracy and zero-shot classification are computed.
 */
public final class TextImageSimilarity {
  /** The factor w of the CLIP score (Hessel et al. 2021, arXiv 2104.08718, equation 1). */
  public static final double SCORE_WEIGHT = 2.5;

  private final double[][] cosines;

  private TextImageSimilarity(double[][] cosines) {
    this.cosines = cosines;
  }

  /**
   * Compares embeddings.
   *
   * @param images one row for each image
   * @param texts one row for each text, from the same encoder
   * @return the similarities
   * @throws IllegalArgumentException if the dimensions differ
   */
  public static TextImageSimilarity of(FeatureMatrix images, FeatureMatrix texts) {
    images.checkDimension(texts);
    double[][] cosines = new double[images.rows()][texts.rows()];
    for (int i = 0; i < cosines.length; i++) {
      for (int k = 0; k < cosines[i].length; k++) {
        cosines[i][k] = images.cosine(i, texts, k);
      }
    }
    return new TextImageSimilarity(cosines);
  }

  /** {@return the number of images} */
  public int images() {
    return cosines.length;
  }

  /** {@return the number of texts} */
  public int texts() {
    return cosines[0].length;
  }

  /**
   * Returns the cosine of an image and a text.
   *
   * @param image index of the image
   * @param text index of the text
   * @return the cosine, -1..1
   */
  public double cosine(int image, int text) {
    return cosines[image][text];
  }

  /**
   * Returns the CLIP score of an image and a text, {@code 2.5 max(cos, 0)}.
   *
   * @param image index of the image
   * @param text index of the text
   * @return the score, 0..2.5
   */
  public double score(int image, int text) {
    return SCORE_WEIGHT * Math.max(cosines[image][text], 0);
  }

  /**
   * Returns the CLIP scores of all images with one text.
   *
   * @param text index of the text
   * @return one score for each image
   */
  public double[] scores(int text) {
    double[] scores = new double[images()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = score(i, text);
    }
    return scores;
  }

  /**
   * Compares the scores of two texts for each image; a tie counts as 0.
   *
   * @param text index of one text
   * @param other index of the other text
   * @return for each image 1 if {@code score(image, text) > score(image, other)}, else 0
   */
  public double[] preferences(int text, int other) {
    double[] preferences = new double[images()];
    for (int i = 0; i < preferences.length; i++) {
      preferences[i] = score(i, text) > score(i, other) ? 1 : 0;
    }
    return preferences;
  }

  /**
   * Returns the text that matches an image best.
   *
   * @param image index of the image
   * @return index of the text; the first one in case of a tie
   */
  public int best(int image) {
    int best = 0;
    for (int k = 1; k < texts(); k++) {
      if (cosines[image][k] > cosines[image][best]) {
        best = k;
      }
    }
    return best;
  }

  /**
   * Returns which images are classified correctly.
   *
   * @param labels index of the correct text for each image
   * @return for each image 1 if {@link #best} is its label, else 0
   * @throws IllegalArgumentException if the numbers of labels and images differ or an index is out
   *     of range
   */
  public double[] hits(int[] labels) {
    Preconditions.checkArgument(
        labels.length == images(),
        "there must be one label for each of the %s images, were %s",
        images(),
        labels.length);
    double[] hits = new double[labels.length];
    for (int i = 0; i < hits.length; i++) {
      Preconditions.checkArgument(
          labels[i] >= 0 && labels[i] < texts(),
          "labels must be in [0, %s), was %s",
          texts(),
          labels[i]);
      hits[i] = best(i) == labels[i] ? 1 : 0;
    }
    return hits;
  }

  /**
   * Returns the probabilities that a softmax assigns to the texts.
   *
   * @param image index of the image
   * @param scale factor of the cosines, such as {@link TextImageEncoder#logitScale()}
   * @return one probability for each text, with sum 1
   */
  public double[] probabilities(int image, double scale) {
    double largest = cosines[image][best(image)];
    double[] shares = new double[texts()];
    double sum = 0;
    for (int k = 0; k < shares.length; k++) {
      shares[k] = Math.exp(scale * (cosines[image][k] - largest));
      sum += shares[k];
    }
    for (int k = 0; k < shares.length; k++) {
      shares[k] /= sum;
    }
    return shares;
  }
}
