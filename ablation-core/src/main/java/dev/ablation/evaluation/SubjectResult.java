package dev.ablation.evaluation;

import java.util.List;
import java.util.Objects;

/**
 * The measurements of a subject.
 *
 * @param subject the subject
 * @param metrics the metrics, in the order of measurement
 * @param shown the first few images
 */
public record SubjectResult(Subject subject, List<Comparison> metrics, List<ImagePair> shown) {

  /** Copies the lists. */
  public SubjectResult {
    Objects.requireNonNull(subject, "subject");
    metrics = List.copyOf(metrics);
    shown = List.copyOf(shown);
  }
}
