package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.metric.Bootstrap;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/** The share of the images of each subject that show the subject itself. */
record ShownSubject(String name, Function<Subject, Optional<ConceptDetector>> detectors)
    implements SubjectMetric {
  ShownSubject {
    Preconditions.checkArgument(!name.isBlank(), "metric must not be blank");
    Objects.requireNonNull(detectors, "detectors");
  }

  @Override
  public boolean measures(Subject subject) {
    return detectors.apply(subject).isPresent();
  }

  @Override
  public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
    return new DetectedShare(name, detectors.apply(subject).orElseThrow())
        .begin(subject, anchor, bootstrap);
  }
}
