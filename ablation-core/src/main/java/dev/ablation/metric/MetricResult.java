package dev.ablation.metric;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A measured value, with everything needed to reproduce it and to compare it with others.
 * Immutable: a method with an argument returns a copy with that value.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="own-metric"}
 */
@CheckReturnValue
public final class MetricResult {
  private final Values values;

  private MetricResult(Values values) {
    this.values = values;
  }

  private record Values(
      String metric,
      double value,
      Unit unit,
      @Nullable ConfidenceInterval interval,
      Map<String, Integer> counts,
      Map<String, String> settings,
      @Nullable Long seed,
      ExtractorInfo extractor) {}

  /**
   * Begins with a plain number.
   *
   * @param metric its name, such as {@code "CLIP score"}
   * @param value the value, finite
   * @param extractor of the features
   * @return a result in {@link Unit#NUMBER} without interval, counts, settings and seed
   * @throws IllegalArgumentException if the name is blank or the value is not finite
   */
  public static MetricResult of(String metric, double value, ExtractorInfo extractor) {
    Objects.requireNonNull(extractor, "extractor");
    Preconditions.checkArgument(!metric.isBlank(), "metric must not be blank");
    Preconditions.checkArgument(
        Double.isFinite(value), "value of %s must be finite, was %s", metric, value);
    return new MetricResult(
        new Values(metric, value, Unit.NUMBER, null, Map.of(), Map.of(), null, extractor));
  }

  /**
   * Changes the unit, which decides how reports show the value.
   *
   * @param unit of the value and of its interval
   * @return a copy with the given unit
   */
  public MetricResult unit(Unit unit) {
    Objects.requireNonNull(unit, "unit");
    return with(unit, interval(), counts(), settings(), seed());
  }

  /**
   * Adds a confidence interval.
   *
   * @param interval in the unit of the value; {@code null} for none
   * @return a copy with this setting
   */
  public MetricResult interval(@Nullable ConfidenceInterval interval) {
    return with(unit(), interval, counts(), settings(), seed());
  }

  /**
   * Adds how many images of what were measured.
   *
   * @param counts such as {@code images: 200}, in order
   * @return a copy with the given values
   */
  public MetricResult counts(Map<String, Integer> counts) {
    return with(
        unit(),
        interval(),
        Collections.unmodifiableMap(new LinkedHashMap<>(counts)),
        settings(),
        seed());
  }

  /**
   * Adds the settings of the metric.
   *
   * @param settings such as {@code subset size: 1000}, in order
   * @return a copy with the given values
   */
  public MetricResult settings(Map<String, String> settings) {
    return with(
        unit(),
        interval(),
        counts(),
        Collections.unmodifiableMap(new LinkedHashMap<>(settings)),
        seed());
  }

  /**
   * Adds the seed of whatever the metric draws.
   *
   * @param seed any; {@code null} if it draws nothing
   * @return a copy with this setting
   */
  public MetricResult seed(@Nullable Long seed) {
    return with(unit(), interval(), counts(), settings(), seed);
  }

  private MetricResult with(
      Unit unit,
      @Nullable ConfidenceInterval interval,
      Map<String, Integer> counts,
      Map<String, String> settings,
      @Nullable Long seed) {
    return new MetricResult(
        new Values(metric(), value(), unit, interval, counts, settings, seed, extractor()));
  }

  /** {@return the metric's name} */
  public String metric() {
    return values.metric();
  }

  /** {@return the value, finite} */
  public double value() {
    return values.value();
  }

  /** {@return the unit of the value and of its interval} */
  public Unit unit() {
    return values.unit();
  }

  /** {@return the confidence interval; {@code null} for metrics that have none here} */
  public @Nullable ConfidenceInterval interval() {
    return values.interval();
  }

  /** {@return how many images of what were measured, in order} */
  public Map<String, Integer> counts() {
    return values.counts();
  }

  /** {@return the settings of the metric, in order} */
  public Map<String, String> settings() {
    return values.settings();
  }

  /** {@return the seed of whatever the metric draws; {@code null} if it draws nothing} */
  public @Nullable Long seed() {
    return values.seed();
  }

  /** {@return the extractor of the features} */
  public ExtractorInfo extractor() {
    return values.extractor();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof MetricResult result && values.equals(result.values);
  }

  @Override
  public int hashCode() {
    return values.hashCode();
  }

  @Override
  public String toString() {
    return values.toString().replaceFirst("Values", "MetricResult");
  }

  /** Image counts of a distance between images and reference images. */
  static Map<String, Integer> counts(int images, int reference) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    counts.put("images", images);
    counts.put("reference", reference);
    return counts;
  }
}
