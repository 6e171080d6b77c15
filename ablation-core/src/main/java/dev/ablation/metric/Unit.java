package dev.ablation.metric;

import java.util.Locale;

/** The unit of a metric's values: how people read them. */
public enum Unit {
  /** A plain number, such as a score or a distance. */
  NUMBER,
  /** A share from 0 to 1, shown in percent. */
  SHARE,
  /** A percentage from 0 to 100. */
  PERCENT;

  /**
   * Formats a value.
   *
   * @param value in this unit
   * @return such as {@code "0.0123"} or, of a share or a percentage, {@code "98.0 %"} with a
   *     no-break space
   */
  public String format(double value) {
    return switch (this) {
      case NUMBER -> String.format(Locale.ROOT, "%.4g", value);
      case SHARE -> String.format(Locale.ROOT, "%.1f\u00a0%%", 100 * value);
      case PERCENT -> String.format(Locale.ROOT, "%.1f\u00a0%%", value);
    };
  }
}
