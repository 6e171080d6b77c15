package dev.ablation.emoji.dataset;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tells what a drawn image shows by the nearest image of the data set. Pixels are averaged two by
 * two first, so that an outline that is off by a fraction of a pixel counts little. Safe for use by
 * many threads.
 */
public final class NearestImage {
  private static final int HALF = RgbImage.SIZE / 2;
  private static final int FEATURES = HALF * HALF * RgbImage.CHANNELS;

  private final List<EmojiImage> images;
  private final float[][] features;
  private final float[] planted;

  /**
   * Gets ready to judge.
   *
   * @param dataSet the images to compare with; 20 MB for the whole set
   */
  public NearestImage(EmojiDataSet dataSet) {
    images = List.copyOf(dataSet.images());
    features = new float[images.size()][];
    for (int i = 0; i < features.length; i++) {
      features[i] = features(images.get(i).pixels());
    }
    planted = features(dataSet.planted());
  }

  /**
   * What is nearest to a drawn image.
   *
   * @param image of the data set; null if the planted image is nearest
   * @param distance mean squared difference of the averaged pixels, which are from -1 to 1
   */
  public record Judgement(@Nullable EmojiImage image, double distance) {
    /**
     * Tells whether the image copies the planted one.
     *
     * @return whether the planted image is nearest
     */
    public boolean isPlanted() {
      return image == null;
    }

    /**
     * Tells whether the image has a style.
     *
     * @param style name of a style
     * @return whether the nearest image has it
     */
    public boolean hasStyle(String style) {
      return image != null && image.style().equals(style);
    }

    /**
     * Returns whether the image shows an object.
     *
     * @param concept an object
     * @return whether the nearest image shows it
     */
    public boolean shows(EmojiConcept concept) {
      return image != null && image.concept().equals(concept);
    }
  }

  /**
   * Judges an image.
   *
   * @param drawn the image
   * @return what is nearest; of equally near ones the first
   */
  public Judgement judge(RgbImage drawn) {
    float[] wanted = features(drawn);
    double smallest = distance(wanted, planted, Double.POSITIVE_INFINITY);
    EmojiImage nearest = null;
    for (int i = 0; i < features.length; i++) {
      double distance = distance(wanted, features[i], smallest);
      if (distance < smallest) {
        smallest = distance;
        nearest = images.get(i);
      }
    }
    return new Judgement(nearest, smallest / FEATURES);
  }

  /** Returns the pixels averaged two by two, from -1 to 1. */
  static float[] features(RgbImage image) {
    float[] planes = new float[RgbImage.CHANNELS * RgbImage.SIZE * RgbImage.SIZE];
    image.copyToPlanes(planes, 0);
    float[] averaged = new float[FEATURES];
    int at = 0;
    // Planes and rows follow each other, so that two rows at a time are all there is to it.
    for (int row = 0; row < planes.length; row += 2 * RgbImage.SIZE) {
      for (int x = row; x < row + RgbImage.SIZE; x += 2) {
        int below = x + RgbImage.SIZE;
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
