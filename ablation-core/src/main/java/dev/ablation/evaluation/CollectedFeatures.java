package dev.ablation.evaluation;

import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.MetricStatistics;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/** Collects the features of all images of a subject, for a metric that needs them together. */
final class CollectedFeatures implements SubjectMetric.Additive {
  private static final String BASE = "base";
  private static final String ABLATED = "ablated";

  private final FeatureExtractor extractor;
  private final BiFunction<FeatureMatrix, FeatureMatrix, Comparison> compare;
  private final List<FeatureMatrix> base = new ArrayList<>();
  private final List<FeatureMatrix> ablated = new ArrayList<>();

  /** Compares the features of the base model's and the ablated model's images. */
  CollectedFeatures(
      FeatureExtractor extractor, BiFunction<FeatureMatrix, FeatureMatrix, Comparison> compare) {
    this.extractor = extractor;
    this.compare = compare;
  }

  @Override
  public void add(ImageBatch batch) {
    base.add(batch.baseFeatures(extractor));
    ablated.add(batch.ablatedFeatures(extractor));
  }

  @Override
  public MetricStatistics statistics() {
    return base.isEmpty()
        ? MetricStatistics.empty()
        : MetricStatistics.empty()
            .features(BASE, FeatureMatrix.concat(base))
            .features(ABLATED, FeatureMatrix.concat(ablated));
  }

  @Override
  public void add(MetricStatistics next) {
    next.features(BASE).ifPresent(base::add);
    next.features(ABLATED).ifPresent(ablated::add);
  }

  @Override
  public Comparison result() {
    return compare.apply(FeatureMatrix.concat(base), FeatureMatrix.concat(ablated));
  }
}
