package dev.ablation.evaluation;

import dev.ablation.metric.MetricStatistics;
import java.util.ArrayList;
import java.util.List;

/** Measures by a number for each image: of the base model's, of the ablated model's or both. */
abstract class ImageValues implements SubjectMetric.Additive {
  private static final String BASE = "base";
  private static final String ABLATED = "ablated";

  private final List<Double> base = new ArrayList<>();
  private final List<Double> ablated = new ArrayList<>();

  /** {@return the numbers of the base model's images, to add to} */
  List<Double> base() {
    return base;
  }

  /** {@return the numbers of the ablated model's images, to add to} */
  List<Double> ablated() {
    return ablated;
  }

  @Override
  public MetricStatistics statistics() {
    return MetricStatistics.empty().values(BASE, base).values(ABLATED, ablated);
  }

  @Override
  public void add(MetricStatistics next) {
    base.addAll(next.values(BASE));
    ablated.addAll(next.values(ABLATED));
  }

  static double[] numbers(List<Double> values) {
    return values.stream().mapToDouble(value -> value).toArray();
  }
}
