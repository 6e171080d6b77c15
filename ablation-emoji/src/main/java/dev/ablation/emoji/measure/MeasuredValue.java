package dev.ablation.emoji.measure;

import dev.ablation.metric.Bootstrap;
import dev.ablation.metric.ConfidenceInterval;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A measured value.
 *
 * @param quantity what was measured
 * @param value a share from 0 to 1, or a mean
 * @param count of how many images, positive
 * @param note what else is to be said; perhaps nothing
 */
record MeasuredValue(Quantity quantity, double value, int count, String note) {
  private static final int MOST_IMAGES = 1_000_000;

  MeasuredValue {
    Objects.requireNonNull(quantity, "quantity");
    Objects.requireNonNull(note, "note");
    if (count <= 0 || count > MOST_IMAGES || !Double.isFinite(value)) {
      throw new IllegalArgumentException(
          "%s must be finite and of 1 to %d images, was %s of %d"
              .formatted(quantity, MOST_IMAGES, value, count));
    }
  }

  static MeasuredValue share(Quantity quantity, long hits, int count) {
    return new MeasuredValue(quantity, (double) hits / count, count, "");
  }

  MeasuredValue noting(String words) {
    return new MeasuredValue(quantity, value, count, words);
  }

  /** Takes what several parts found of one quantity together. */
  MeasuredValue with(MeasuredValue other) {
    int sum = count + other.count;
    return new MeasuredValue(
        quantity, (value * count + other.value * other.count) / sum, sum, note + other.note);
  }

  /** Returns the interval of a share; nothing of anything else. */
  @Nullable ConfidenceInterval interval() {
    if (!quantity.isShare()) {
      return null;
    }
    double[] hits = new double[count];
    Arrays.fill(hits, 0, (int) Math.round(value * count), 1);
    return Bootstrap.defaults().ofShare(hits);
  }
}
