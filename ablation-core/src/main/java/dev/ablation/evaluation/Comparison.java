package dev.ablation.evaluation;

import dev.ablation.metric.MetricResult;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A metric of the ablated model's images with the base model's beside.
 *
 * @param base of the base model's images; {@code null} where the metric is itself a distance
 *     between the two models' images, such as KID
 * @param ablated of the ablated model's images
 */
public record Comparison(@Nullable MetricResult base, MetricResult ablated) {

  /** Checks that both are the same metric. */
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
