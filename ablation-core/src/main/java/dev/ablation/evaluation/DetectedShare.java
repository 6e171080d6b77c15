package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.MetricResult;
import dev.ablation.metric.Unit;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The share of images that show a detector's concept. */
record DetectedShare(String name, ConceptDetector detector) implements SubjectMetric {
  DetectedShare {
    Preconditions.checkArgument(!name.isBlank(), "metric must not be blank");
    Objects.requireNonNull(detector, "detector");
  }

  @Override
  public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
    return new ImageValues() {
      @Override
      public void add(ImageBatch batch) {
        look(batch.baseFeatures(detector.extractor()), base());
        look(batch.ablatedFeatures(detector.extractor()), ablated());
      }

      @Override
      public Comparison result() {
        return new Comparison(
            share(name, detector, numbers(base()), bootstrap),
            share(name, detector, numbers(ablated()), bootstrap));
      }
    };
  }

  private void look(FeatureMatrix features, List<Double> hits) {
    Arrays.stream(checked(detector, features)).forEach(hits::add);
  }

  /**
   * {@return the detector's answers, after checking that there is one for each image and that it is
   * 0 or 1}
   */
  static double[] checked(ConceptDetector detector, FeatureMatrix features) {
    double[] shown = detector.shows(features);
    if (shown.length != features.rows()) {
      throw new IllegalStateException(
          "detector '%s' must give one answer for each of %d images, gave %d"
              .formatted(detector.name(), features.rows(), shown.length));
    }
    for (double hit : shown) {
      if (hit != 0 && hit != 1) {
        throw new IllegalStateException(
            "detector '%s' must answer 0 or 1, answered %s".formatted(detector.name(), hit));
      }
    }
    return shown;
  }

  static MetricResult share(
      String metric, ConceptDetector detector, double[] hits, Bootstrap bootstrap) {
    double share = Arrays.stream(hits).sum() / hits.length;
    return MetricResult.of(metric, share, detector.extractor().info())
        .unit(Unit.SHARE)
        .interval(bootstrap.ofShare(hits))
        .counts(Map.of("images", hits.length))
        .settings(Map.of("detector", detector.name()))
        .seed(bootstrap.seed());
  }
}
