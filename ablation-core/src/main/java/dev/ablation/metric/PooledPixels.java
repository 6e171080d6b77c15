package dev.ablation.metric;

import com.google.common.base.Preconditions;
import com.google.common.hash.Hashing;
import dev.ablation.image.ImageTransform;
import dev.ablation.image.Resampling;
import java.awt.image.BufferedImage;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The image itself as its features: averaged to a small square, minus its mean. The cosine of two
 * such vectors is the correlation of two images, which does not depend on brightness and contrast.
 * It needs no neural network and is good enough to detect copies of small, clear images; for
 * photographs use a copy detector such as SSCD.
 *
 * @param side side of the square in pixels, positive
 */
public record PooledPixels(int side) implements FeatureExtractor {

  /** Checks the side. */
  public PooledPixels {
    Preconditions.checkArgument(side > 0, "side must be positive, was %s", side);
  }

  /** Averages to 32 x 32 pixels. */
  public PooledPixels() {
    this(32);
  }

  @Override
  public ExtractorInfo info() {
    String name = "pooled pixels %1$d x %1$d, mean-free".formatted(side);
    String hash = Hashing.sha256().hashString(name, StandardCharsets.UTF_8).toString();
    return new ExtractorInfo(name, hash, 3 * side * side);
  }

  /** Extracts the features of a batch: red, then green, then blue, minus the mean of all three. */
  @Override
  public FeatureMatrix extract(List<BufferedImage> images) {
    Preconditions.checkArgument(!images.isEmpty(), "images must not be empty");
    float[][] rows = new float[images.size()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = features(images.get(i));
    }
    return FeatureMatrix.of(rows);
  }

  private float[] features(BufferedImage image) {
    float[] values =
        new ImageTransform(
                ImageTransform.Fit.BOTH_SIDES,
                side,
                Resampling.BOX,
                false,
                0,
                List.of(0.0, 0.0, 0.0),
                List.of(1.0, 1.0, 1.0))
            .values(image);
    double mean = 0;
    for (float value : values) {
      mean += value / values.length;
    }
    for (int i = 0; i < values.length; i++) {
      values[i] -= (float) mean;
    }
    return values;
  }
}
