package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import java.awt.image.BufferedImage;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * Some images of a subject, drawn by the base model and by the ablated one for the same prompts and
 * seeds. Each extractor looks at an image once, however many metrics ask for its features.
 */
public final class ImageBatch {
  private final int first;
  private final List<BufferedImage> base;
  private final List<BufferedImage> ablated;
  private final IdentityHashMap<FeatureExtractor, FeatureMatrix> baseFeatures =
      new IdentityHashMap<>();
  private final IdentityHashMap<FeatureExtractor, FeatureMatrix> ablatedFeatures =
      new IdentityHashMap<>();

  /**
   * Creates a batch.
   *
   * @param first index of its first image among those of the subject
   * @param base images of the base model, at least one
   * @param ablated as many images of the ablated model
   * @throws IllegalArgumentException if there are none, or not as many of both
   */
  public ImageBatch(int first, List<BufferedImage> base, List<BufferedImage> ablated) {
    this.first = first;
    this.base = List.copyOf(base);
    this.ablated = List.copyOf(ablated);
    Preconditions.checkArgument(first >= 0, "first must not be negative, was %s", first);
    Preconditions.checkArgument(!base.isEmpty(), "images must not be empty");
    Preconditions.checkArgument(
        base.size() == ablated.size(),
        "base and ablated images must be as many, were %s and %s",
        base.size(),
        ablated.size());
  }

  /** {@return the index of the first image among those of the subject} */
  public int first() {
    return first;
  }

  /** {@return how many images of either model there are} */
  public int size() {
    return base.size();
  }

  /** {@return the base model's images} */
  public List<BufferedImage> base() {
    return base;
  }

  /** {@return the ablated model's images, in the same order} */
  public List<BufferedImage> ablated() {
    return ablated;
  }

  /**
   * Returns features of the base model's images.
   *
   * @param extractor computes them when it is first asked
   * @return one row an image
   * @throws IllegalStateException if the extractor cannot use an image, or gives features that are
   *     not finite or of another shape than it says
   */
  public FeatureMatrix baseFeatures(FeatureExtractor extractor) {
    return baseFeatures.computeIfAbsent(extractor, key -> checked(key, base));
  }

  /**
   * Returns features of the ablated model's images.
   *
   * @param extractor computes them when it is first asked
   * @return one row an image
   * @throws IllegalStateException if the extractor cannot use an image, or gives features that are
   *     not finite or of another shape than it says
   */
  public FeatureMatrix ablatedFeatures(FeatureExtractor extractor) {
    return ablatedFeatures.computeIfAbsent(extractor, key -> checked(key, ablated));
  }

  static FeatureMatrix checked(FeatureExtractor extractor, List<BufferedImage> images) {
    FeatureMatrix features;
    try {
      features = extractor.extract(images);
    } catch (IllegalArgumentException e) {
      throw new IllegalStateException(
          "extractor '%s' cannot use a picture of %d x %d: %s"
              .formatted(
                  extractor.info().name(),
                  images.get(0).getWidth(),
                  images.get(0).getHeight(),
                  e.getMessage()),
          e);
    }
    return checked(extractor, features, images.size(), "images");
  }

  static FeatureMatrix checked(
      FeatureExtractor extractor, FeatureMatrix features, int count, String what) {
    int dimension = extractor.info().dimension();
    if (features.rows() != count || features.dimension() != dimension) {
      throw new IllegalStateException(
          "extractor '%s' must give %d features for each of %d %s, gave %d rows of %d"
              .formatted(
                  extractor.info().name(),
                  dimension,
                  count,
                  what,
                  features.rows(),
                  features.dimension()));
    }
    return features;
  }
}
