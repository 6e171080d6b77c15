package dev.ablation.evaluate;

import com.google.common.base.Preconditions;

/**
 * How well each of some pictures goes with each of some texts: the cosines of their embeddings, on
 * which CLIP score, CLIP accuracy and zero-shot classification are computed.
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
   * @param pictures one row a picture
   * @param texts one row a text, of the same encoder
   * @return the similarities
   * @throws IllegalArgumentException if the dimensions differ
   */
  public static TextImageSimilarity of(FeatureMatrix pictures, FeatureMatrix texts) {
    pictures.checkDimension(texts);
    double[][] cosines = new double[pictures.rows()][texts.rows()];
    for (int i = 0; i < cosines.length; i++) {
      for (int k = 0; k < cosines[i].length; k++) {
        cosines[i][k] = pictures.cosine(i, texts, k);
      }
    }
    return new TextImageSimilarity(cosines);
  }

  /** {@return the number of pictures} */
  public int pictures() {
    return cosines.length;
  }

  /** {@return the number of texts} */
  public int texts() {
    return cosines[0].length;
  }

  /**
   * Returns the cosine of a picture and a text.
   *
   * @param picture its index
   * @param text its index
   * @return -1..1
   */
  public double cosine(int picture, int text) {
    return cosines[picture][text];
  }

  /**
   * Returns the CLIP score of a picture and a text, {@code 2.5 max(cos, 0)}.
   *
   * @param picture its index
   * @param text its index
   * @return 0..2.5
   */
  public double score(int picture, int text) {
    return SCORE_WEIGHT * Math.max(cosines[picture][text], 0);
  }

  /**
   * Returns the CLIP scores of all pictures with one text.
   *
   * @param text its index
   * @return one score a picture
   */
  public double[] scores(int text) {
    double[] scores = new double[pictures()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = score(i, text);
    }
    return scores;
  }

  /**
   * Tells which pictures go better with one text than with another; a tie does not count.
   *
   * @param text index of the one
   * @param other index of the other
   * @return for each picture 1 if {@code score(picture, text) > score(picture, other)}, else 0
   */
  public double[] preferences(int text, int other) {
    double[] preferences = new double[pictures()];
    for (int i = 0; i < preferences.length; i++) {
      preferences[i] = score(i, text) > score(i, other) ? 1 : 0;
    }
    return preferences;
  }

  /**
   * Returns the text that a picture goes best with.
   *
   * @param picture its index
   * @return index of the text; the first one in case of a tie
   */
  public int best(int picture) {
    int best = 0;
    for (int k = 1; k < texts(); k++) {
      if (cosines[picture][k] > cosines[picture][best]) {
        best = k;
      }
    }
    return best;
  }

  /**
   * Tells which pictures are classified right.
   *
   * @param labels index of the right text, one a picture
   * @return for each picture 1 if {@link #best} is its label, else 0
   * @throws IllegalArgumentException if there are not as many labels as pictures, or one is no
   *     index of a text
   */
  public double[] hits(int[] labels) {
    Preconditions.checkArgument(
        labels.length == pictures(),
        "labels must be as many as pictures, %s, were %s",
        pictures(),
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
   * Returns the shares that a softmax gives the texts.
   *
   * @param picture its index
   * @param scale of the cosines, such as {@link TextImageEncoder#logitScale()}
   * @return one share a text, of sum 1
   */
  public double[] probabilities(int picture, double scale) {
    double largest = cosines[picture][best(picture)];
    double[] shares = new double[texts()];
    double sum = 0;
    for (int k = 0; k < shares.length; k++) {
      shares[k] = Math.exp(scale * (cosines[picture][k] - largest));
      sum += shares[k];
    }
    for (int k = 0; k < shares.length; k++) {
      shares[k] /= sum;
    }
    return shares;
  }
}
