package dev.ablation.metric;

import com.google.common.base.Preconditions;

/**
 * Which features a metric was computed on. Stands in every result, since values of different
 * extractors cannot be compared.
 *
 * @param name of the extractor, such as {@code "clip vit-base-patch32"}
 * @param sha256 of the file of weights, or of a description where there are none; 64 hexadecimal
 *     digits
 * @param dimension number of features of an image, positive
 * @param input how an image is prepared for it, in words
 */
public record ExtractorInfo(String name, String sha256, int dimension, String input) {

  /** Checks every value. */
  public ExtractorInfo {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    Preconditions.checkArgument(
        sha256.matches("[0-9a-f]{64}"), "sha256 must be 64 hexadecimal digits, was %s", sha256);
    Preconditions.checkArgument(dimension > 0, "dimension must be positive, was %s", dimension);
    Preconditions.checkArgument(!input.isBlank(), "input must not be blank");
  }

  /**
   * Describes an extractor that takes images as they are.
   *
   * @param name of the extractor
   * @param sha256 64 hexadecimal digits
   * @param dimension number of features of an image, positive
   */
  public ExtractorInfo(String name, String sha256, int dimension) {
    this(name, sha256, dimension, "as it is");
  }
}
