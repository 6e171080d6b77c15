package dev.ablation.evaluation;

import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.MetricStatistics;
import dev.ablation.metric.Unit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Retain accuracy (Zhang et al. 2024, arXiv 2402.11846, section 4): of the images that show their
 * subject before, how many show it after. Where the base model shows the subject in none, there is
 * nothing to keep, and the share is 1.
 */
final class KeptShare implements SubjectMetric {
  static final String NAME = ErasureScore.KEPT_SHARE;

  private final Function<Subject, Optional<ConceptDetector>> detectors;

  KeptShare(Function<Subject, Optional<ConceptDetector>> detectors) {
    this.detectors = detectors;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean measures(Subject subject) {
    return (subject.role() == Role.NEIGHBOUR || subject.role() == Role.UNRELATED)
        && detectors.apply(subject).isPresent();
  }

  @Override
  public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
    ConceptDetector detector = detectors.apply(subject).orElseThrow();
    List<Double> kept = new ArrayList<>();
    return new Additive() {
      @Override
      public void add(ImageBatch batch) {
        double[] before = detector.shows(batch.baseFeatures(detector.extractor()));
        double[] after = detector.shows(batch.ablatedFeatures(detector.extractor()));
        for (int i = 0; i < before.length; i++) {
          if (before[i] == 1) {
            kept.add(after[i]);
          }
        }
      }

      @Override
      public MetricStatistics statistics() {
        return MetricStatistics.empty().values(NAME, kept);
      }

      @Override
      public void add(MetricStatistics next) {
        kept.addAll(next.values(NAME));
      }

      @Override
      public Comparison result() {
        double[] hits = kept.stream().mapToDouble(hit -> hit).toArray();
        double share =
            kept.isEmpty() ? 1 : kept.stream().mapToDouble(hit -> hit).sum() / hits.length;
        MetricResult result =
            MetricResult.of(NAME, share, detector.extractor().info())
                .unit(Unit.SHARE)
                .counts(Map.of("images", hits.length))
                .settings(Map.of("detector", detector.name()));
        return new Comparison(
            null,
            hits.length == 0
                ? result
                : result.interval(bootstrap.ofShare(hits)).seed(bootstrap.seed()));
      }
    };
  }
}
