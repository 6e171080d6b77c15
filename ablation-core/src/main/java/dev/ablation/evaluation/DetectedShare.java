package dev.ablation.evaluation;

import dev.ablation.evaluate.Bootstrap;
import dev.ablation.evaluate.MetricResult;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The share of pictures in which a detector finds its concept. */
record DetectedShare(ConceptDetector detector) implements PictureMetric {
  DetectedShare {
    Objects.requireNonNull(detector, "detector");
  }

  @Override
  public String name() {
    return "detected";
  }

  @Override
  public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
    List<Double> base = new ArrayList<>();
    List<Double> ablated = new ArrayList<>();
    return new Measurement() {
      @Override
      public void add(PictureBatch batch) {
        look(batch.base(), base);
        look(batch.ablated(), ablated);
      }

      @Override
      public Comparison result() {
        return new Comparison(share(base, bootstrap), share(ablated, bootstrap));
      }
    };
  }

  private void look(List<BufferedImage> pictures, List<Double> hits) {
    double[] shown = detector.shows(pictures);
    if (shown.length != pictures.size()) {
      throw new IllegalStateException(
          "detector '%s' must give one answer for each of %d pictures, gave %d"
              .formatted(detector.name(), pictures.size(), shown.length));
    }
    for (double hit : shown) {
      if (hit != 0 && hit != 1) {
        throw new IllegalStateException(
            "detector '%s' must answer 0 or 1, answered %s".formatted(detector.name(), hit));
      }
      hits.add(hit);
    }
  }

  private MetricResult share(List<Double> answers, Bootstrap bootstrap) {
    double[] hits = answers.stream().mapToDouble(hit -> hit).toArray();
    return new MetricResult(
        name(),
        Arrays.stream(hits).sum() / hits.length,
        bootstrap.ofShare(hits),
        Map.of("pictures", hits.length),
        Map.of("detector", detector.name()),
        bootstrap.seed(),
        detector.extractor());
  }
}
