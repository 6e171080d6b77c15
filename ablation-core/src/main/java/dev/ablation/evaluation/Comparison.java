package dev.ablation.evaluation;

import dev.ablation.metric.MetricResult;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A metric on the ablated model's images, next to the same metric on the base model's.
 *
 * @param base the metric on the base model's images; {@code null} if the metric is itself a
 *     distance between the two models' images, such as KID
 * @param ablated the metric on the ablated model's images
 */
public record Comparison(@Nullable MetricResult base, MetricResult ablated) {

  /** Checks that both are values of the same metric. */
  public Comparison {
    Objects.requireNonNull(ablated, "ablated");
    if (base != null && !base.metric().equals(ablated.metric())) {
      throw new IllegalArgumentException(
          "base and ablated must be the same metric, were %s and %s"
              .formatted(base.metric(), ablated.metric()));
    }
  }

  /** {@return the metric's name} */
  public String metric() {
    return ablated.metric();
  }
}
