package dev.ablation.evaluation;

import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/** Collects the features of all images of a subject, for a metric that needs them together. */
final class CollectedFeatures implements SubjectMetric.Measurement {
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
  public Comparison result() {
    return compare.apply(FeatureMatrix.concat(base), FeatureMatrix.concat(ablated));
  }
}
