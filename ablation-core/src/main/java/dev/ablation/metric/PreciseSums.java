package dev.ablation.metric;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** Sums of doubles, each an unevaluated sum of a double and of the rounding errors so far. */
final class PreciseSums {
  private final double[] sums;
  private final double[] errors;

  PreciseSums(int count) {
    sums = new double[count];
    errors = new double[count];
  }

  /**
   * Adds a factor times each of the first values.
   *
   * @param factor a float32, as the values are: their product is exact
   */
  void add(double factor, double[] values) {
    for (int i = 0; i < sums.length; i++) {
      double term = factor * values[i];
      double before = sums[i];
      double sum = before + term;
      double added = sum - before;
      errors[i] += (before - (sum - added)) + (term - added);
      sums[i] = sum;
    }
  }

  void add(PreciseSums other) {
    add(1, other.sums);
    for (int i = 0; i < errors.length; i++) {
      errors[i] += other.errors[i];
    }
  }

  /** The nearest double. */
  double high(int i) {
    return sums[i] + errors[i];
  }

  /** What the nearest double lacks. */
  double low(int i) {
    double high = high(i);
    double added = high - sums[i];
    return (sums[i] - (high - added)) + (errors[i] - added);
  }

  void write(DataOutput out) throws IOException {
    for (int i = 0; i < sums.length; i++) {
      out.writeDouble(sums[i]);
      out.writeDouble(errors[i]);
    }
  }

  static PreciseSums read(DataInput in, int count) throws IOException {
    PreciseSums read = new PreciseSums(count);
    for (int i = 0; i < count; i++) {
      read.sums[i] = in.readDouble();
      read.errors[i] = in.readDouble();
    }
    return read;
  }
}
