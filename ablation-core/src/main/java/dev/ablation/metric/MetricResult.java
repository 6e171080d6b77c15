package dev.ablation.metric;

import com.google.common.base.Preconditions;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A measured value, with everything needed to reproduce it and to compare it with others.
 *
 * @param metric name of the metric, such as {@code "CLIP score"}
 * @param value the value, finite
 * @param interval its confidence interval; {@code null} for metrics without one
 * @param counts how many images (or other items) were used, such as {@code images: 200}; in order
 * @param settings settings of the metric, such as {@code subset size: 1000}; in order
 * @param seed seed of the metric's random numbers; {@code null} if it uses none
 * @param extractor the extractor of the features
 */
public record MetricResult(
    String metric,
    double value,
    @Nullable ConfidenceInterval interval,
    Map<String, Integer> counts,
    Map<String, String> settings,
    @Nullable Long seed,
    ExtractorInfo extractor) {

  /** Copies the maps and checks the value. */
  public MetricResult {
    Objects.requireNonNull(extractor, "extractor");
    Preconditions.checkArgument(!metric.isBlank(), "metric must not be blank");
    Preconditions.checkArgument(
        Double.isFinite(value), "value of %s must be finite, was %s", metric, value);
    counts = Collections.unmodifiableMap(new LinkedHashMap<>(counts));
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
  }

  /** Image counts of a distance between images and reference images. */
  static Map<String, Integer> counts(int images, int reference) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    counts.put("images", images);
    counts.put("reference", reference);
    return counts;
  }
}
