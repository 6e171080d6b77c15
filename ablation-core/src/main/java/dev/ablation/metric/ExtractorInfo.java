package dev.ablation.metric;

import com.google.common.base.Preconditions;

/**
 * Identifies the features that a metric was computed on. Every result contains it, because values
 * of different extractors cannot be compared.
 *
 * @param name name of the extractor, such as {@code "clip vit-base-patch32"}
 * @param sha256 hash of the weights file, or of a description if there is no such file; 64
 *     hexadecimal digits
 * @param dimension number of features of an image, positive
 * @param input description of the image preprocessing
 */
public record ExtractorInfo(String name, String sha256, int dimension, String input) {

  /** Checks all values. */
  public ExtractorInfo {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    Preconditions.checkArgument(
        sha256.matches("[0-9a-f]{64}"), "sha256 must be 64 hexadecimal digits, was %s", sha256);
    Preconditions.checkArgument(dimension > 0, "dimension must be positive, was %s", dimension);
    Preconditions.checkArgument(!input.isBlank(), "input must not be blank");
  }

  /**
   * Describes an extractor without preprocessing.
   *
   * @param name name of the extractor
   * @param sha256 64 hexadecimal digits
   * @param dimension number of features of an image, positive
   */
  public ExtractorInfo(String name, String sha256, int dimension) {
    this(name, sha256, dimension, "as it is");
  }
}
