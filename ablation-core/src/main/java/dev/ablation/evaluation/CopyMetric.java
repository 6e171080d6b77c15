package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.CopyScores;
import dev.ablation.metric.MetricResult;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Objects;

/** The percentage of images that are copies of memorized ones. */
record CopyMetric(CopyDetection detection, List<BufferedImage> originals) implements SubjectMetric {
  CopyMetric {
    Objects.requireNonNull(detection, "detection");
    originals = List.copyOf(originals);
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
  }

  @Override
  public String name() {
    return "memorisation percentage";
  }

  @Override
  public Measurement begin(Subject subject, String anchor, Bootstrap bootstrap) {
    return new ImageValues() {
      @Override
      public void add(ImageBatch batch) {
        base().addAll(detection.score(batch.base(), originals).scores());
        ablated().addAll(detection.score(batch.ablated(), originals).scores());
      }

      @Override
      public Comparison result() {
        return new Comparison(percentage(base(), bootstrap), percentage(ablated(), bootstrap));
      }
    };
  }

  private MetricResult percentage(List<Double> scores, Bootstrap bootstrap) {
    return new CopyScores(detection.extractor().info(), detection.threshold(), scores)
        .measure(bootstrap);
  }
}
