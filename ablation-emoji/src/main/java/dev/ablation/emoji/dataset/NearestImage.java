package dev.ablation.emoji.dataset;

import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import java.awt.image.BufferedImage;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Predicate;
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
    return judge(features(drawn));
  }

  private Judgement judge(float[] wanted) {
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

  /**
   * Counts the images of a style: a judge that no network can be trained to please.
   *
   * @param style one of the data set's
   * @return counts an image if the nearest one has the style
   */
  public ConceptDetector ofStyle(String style) {
    return new Detector("nearest image in style " + style, judgement -> judgement.hasStyle(style));
  }

  /**
   * Counts the images of an object.
   *
   * @param name of the object
   * @return counts an image if the nearest one shows the object
   */
  public ConceptDetector ofConcept(String name) {
    return new Detector(
        "nearest image of " + name,
        judgement -> {
          EmojiImage image = judgement.image();
          return image != null && image.concept().name().equals(name);
        });
  }

  /**
   * Counts copies of the planted image.
   *
   * @return counts an image if the planted one is nearest
   */
  public ConceptDetector ofPlanted() {
    return new Detector("nearest image the planted one", Judgement::isPlanted);
  }

  /** Counts by the judgement. */
  private final class Detector implements ConceptDetector {
    private final String name;
    private final Predicate<Judgement> counts;

    Detector(String name, Predicate<Judgement> counts) {
      this.name = name;
      this.counts = counts;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public FeatureExtractor extractor() {
      return new Pixels();
    }

    @Override
    public double[] shows(FeatureMatrix features) {
      double[] shown = new double[features.rows()];
      for (int i = 0; i < shown.length; i++) {
        shown[i] = counts.test(judge(features.row(i))) ? 1 : 0;
      }
      return shown;
    }
  }

  /** The averaged pixels as features. */
  private static final class Pixels implements FeatureExtractor {
    private static final String NAME = "pixels averaged two by two";

    @Override
    public ExtractorInfo info() {
      try {
        byte[] hash =
            MessageDigest.getInstance("SHA-256").digest(NAME.getBytes(StandardCharsets.UTF_8));
        return new ExtractorInfo(NAME, HexFormat.of().formatHex(hash), FEATURES);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every Java has SHA-256", e);
      }
    }

    @Override
    public FeatureMatrix extract(List<BufferedImage> drawn) {
      return FeatureMatrix.of(
          drawn.stream().map(RgbImage::of).map(NearestImage::features).toArray(float[][]::new));
    }
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
