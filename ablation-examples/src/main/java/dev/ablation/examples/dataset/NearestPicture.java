package dev.ablation.examples.dataset;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tells what a drawn picture shows by the nearest picture of the data set. Pixels are averaged two
 * by two first, so that an outline that is off by a fraction of a pixel counts little. Safe for use
 * by many threads.
 */
public final class NearestPicture {
  private static final int HALF = RgbPicture.SIZE / 2;
  private static final int FEATURES = HALF * HALF * RgbPicture.CHANNELS;

  private final List<EmojiPicture> pictures;
  private final float[][] features;
  private final float[] planted;

  /**
   * Gets ready to judge.
   *
   * @param dataSet the pictures to compare with; 20 MB for the whole set
   */
  public NearestPicture(EmojiDataSet dataSet) {
    pictures = List.copyOf(dataSet.pictures());
    features = new float[pictures.size()][];
    for (int i = 0; i < features.length; i++) {
      features[i] = features(pictures.get(i).pixels());
    }
    planted = features(dataSet.planted());
  }

  /**
   * What is nearest to a drawn picture.
   *
   * @param picture of the data set; null if the planted picture is nearest
   * @param distance mean squared difference of the averaged pixels, which are from -1 to 1
   */
  public record Judgement(@Nullable EmojiPicture picture, double distance) {
    /**
     * Tells whether the picture copies the planted one.
     *
     * @return whether the planted picture is nearest
     */
    public boolean isPlanted() {
      return picture == null;
    }

    /**
     * Tells whether the picture has a style.
     *
     * @param style name of a style
     * @return whether the nearest picture has it
     */
    public boolean hasStyle(String style) {
      return picture != null && picture.style().equals(style);
    }

    /**
     * Tells whether the picture shows a thing.
     *
     * @param concept a thing
     * @return whether the nearest picture shows it
     */
    public boolean shows(EmojiConcept concept) {
      return picture != null && picture.concept().equals(concept);
    }
  }

  /**
   * Judges a picture.
   *
   * @param drawn the picture
   * @return what is nearest; of equally near ones the first
   */
  public Judgement judge(RgbPicture drawn) {
    float[] wanted = features(drawn);
    double smallest = distance(wanted, planted, Double.POSITIVE_INFINITY);
    EmojiPicture nearest = null;
    for (int i = 0; i < features.length; i++) {
      double distance = distance(wanted, features[i], smallest);
      if (distance < smallest) {
        smallest = distance;
        nearest = pictures.get(i);
      }
    }
    return new Judgement(nearest, smallest / FEATURES);
  }

  /** Returns the pixels averaged two by two, from -1 to 1. */
  static float[] features(RgbPicture picture) {
    float[] planes = new float[RgbPicture.CHANNELS * RgbPicture.SIZE * RgbPicture.SIZE];
    picture.copyToPlanes(planes, 0);
    float[] averaged = new float[FEATURES];
    int at = 0;
    // Planes and rows follow each other, so that two rows at a time are all there is to it.
    for (int row = 0; row < planes.length; row += 2 * RgbPicture.SIZE) {
      for (int x = row; x < row + RgbPicture.SIZE; x += 2) {
        int below = x + RgbPicture.SIZE;
        averaged[at++] = (planes[x] + planes[x + 1] + planes[below] + planes[below + 1]) / 4;
      }
    }
    return averaged;
  }

  /** Returns the squared distance, or some value that is not below the limit once it is reached. */
  private static double distance(float[] a, float[] b, double limit) {
    double sum = 0;
    for (int from = 0; from < FEATURES && sum < limit; from += HALF) {
      float part = 0;
      for (int i = from; i < from + HALF; i++) {
        float difference = a[i] - b[i];
        part += difference * difference;
      }
      sum += part;
    }
    return sum;
  }
}
