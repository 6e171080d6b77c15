package dev.ablation.testing;

import com.google.common.base.Preconditions;
import dev.ablation.metric.ExtractorInfo;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.random.RandomStreams;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * An encoder of images and texts that is complete but means nothing: an image's features are the
 * mean colours of its left and its right half; a text's are random numbers that follow from its
 * characters, none of them negative, so that every cosine is positive.
 */
public final class TinyEncoder implements TextImageEncoder {
  private static final int DIMENSION = 6;
  private int images;

  /** {@return how many images it has looked at} */
  public int images() {
    return images;
  }

  @Override
  public ExtractorInfo info() {
    return new ExtractorInfo("tiny", "5".repeat(64), DIMENSION, "halves");
  }

  @Override
  public FeatureMatrix extract(List<BufferedImage> images) {
    Preconditions.checkArgument(!images.isEmpty(), "images must not be empty");
    this.images += images.size();
    return FeatureMatrix.of(images.stream().map(TinyEncoder::features).toArray(float[][]::new));
  }

  private static float[] features(BufferedImage image) {
    float[] features = new float[DIMENSION];
    int half = image.getWidth() / 2;
    float scale = 255f * half * image.getHeight();
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < 2 * half; x++) {
        int pixel = image.getRGB(x, y);
        int first = x < half ? 0 : 3;
        features[first] += (pixel >> 16 & 0xff) / scale;
        features[first + 1] += (pixel >> 8 & 0xff) / scale;
        features[first + 2] += (pixel & 0xff) / scale;
      }
    }
    return features;
  }

  @Override
  public FeatureMatrix encode(List<String> texts) {
    Preconditions.checkArgument(!texts.isEmpty(), "texts must not be empty");
    float[][] rows = new float[texts.size()][DIMENSION];
    for (int i = 0; i < rows.length; i++) {
      RandomGenerator random = RandomStreams.stream(0, texts.get(i), 0);
      for (int k = 0; k < DIMENSION; k++) {
        rows[i][k] = (float) Math.abs(random.nextGaussian());
      }
    }
    return FeatureMatrix.of(rows);
  }

  @Override
  public double logitScale() {
    return 100;
  }
}
