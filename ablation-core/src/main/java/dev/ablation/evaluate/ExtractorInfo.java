package dev.ablation.evaluate;

import com.google.common.base.Preconditions;

/**
 * Which features a metric was computed on. Stands in every result, since values of different
 * extractors cannot be compared.
 *
 * @param name of the extractor with its settings, such as {@code "clip ViT-B/32"}
 * @param sha256 of the file of weights, or of a description where there are none; 64 hexadecimal
 *     digits
 * @param dimension number of features of a picture, positive
 */
public record ExtractorInfo(String name, String sha256, int dimension) {

  /** Checks every value. */
  public ExtractorInfo {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    Preconditions.checkArgument(
        sha256.matches("[0-9a-f]{64}"), "sha256 must be 64 hexadecimal digits, was %s", sha256);
    Preconditions.checkArgument(dimension > 0, "dimension must be positive, was %s", dimension);
  }
}
