package dev.ablation.evaluation;

import java.util.List;
import java.util.Objects;

/**
 * What was measured of a subject.
 *
 * @param subject what was drawn
 * @param metrics in the order in which they were measured
 * @param shown some of the images, the first ones
 */
public record SubjectResult(Subject subject, List<Comparison> metrics, List<ImagePair> shown) {

  /** Copies the lists. */
  public SubjectResult {
    Objects.requireNonNull(subject, "subject");
    metrics = List.copyOf(metrics);
    shown = List.copyOf(shown);
  }
}
