package dev.ablation.report;

import dev.ablation.internal.Html;
import java.util.List;
import java.util.Locale;

/**
 * A line chart as inline SVG: values by step, with axes, ticks and a description for screen
 * readers.
 *
 * @param title name of the value
 * @param steps the steps, ascending
 * @param values one value for each step
 */
record Curve(String title, List<Integer> steps, List<Double> values) {
  private static final int WIDTH = 560;
  private static final int HEIGHT = 240;
  private static final int LEFT = 62;
  private static final int RIGHT = 14;
  private static final int TOP = 14;
  private static final int BOTTOM = 34;
  private static final int TICKS = 4;

  /** Curves with more points are smoothed; the unsmoothed line is faint. */
  private static final int MANY = 40;

  void write(Html html) {
    double low = values.stream().mapToDouble(v -> v).filter(Double::isFinite).min().orElse(0);
    double high = values.stream().mapToDouble(v -> v).filter(Double::isFinite).max().orElse(1);
    if (low >= 0 && low < 0.4 * high) {
      low = 0;
    }
    if (high == low) {
      high = low + 1;
    }
    int first = steps.get(0);
    int last = Math.max(first + 1, steps.get(steps.size() - 1));
    html.open("figure");
    html.open(
        "svg",
        "viewBox",
        "0 0 %d %d".formatted(WIDTH, HEIGHT),
        "role",
        "img",
        "aria-label",
        description());
    html.element("title", title);
    html.element("desc", description());
    for (int i = 0; i <= TICKS; i++) {
      double value = low + (high - low) * i / TICKS;
      double y = y(value, low, high);
      html.open(
          "line",
          "class",
          "axis",
          "x1",
          "" + LEFT,
          "x2",
          "" + (WIDTH - RIGHT),
          "y1",
          number(y),
          "y2",
          number(y));
      html.element(
          "text", shortly(value), "x", "" + (LEFT - 8), "y", number(y + 4), "text-anchor", "end");
      long step = first + Math.round((double) (last - first) * i / TICKS);
      html.element(
          "text",
          Long.toString(step),
          "x",
          number(x((double) step, first, last)),
          "y",
          "" + (HEIGHT - BOTTOM + 20),
          "text-anchor",
          i == 0 ? "start" : i == TICKS ? "end" : "middle");
    }
    if (values.size() > MANY) {
      line(html, "faint", values, low, high, first, last);
      line(html, "line", smoothed(), low, high, first, last);
    } else {
      line(html, "line", values, low, high, first, last);
      for (int i = 0; i < values.size(); i++) {
        if (Double.isFinite(values.get(i))) {
          html.open(
              "circle",
              "class",
              "dot",
              "cx",
              number(x(steps.get(i), first, last)),
              "cy",
              number(y(values.get(i), low, high)),
              "r",
              "3");
        }
      }
    }
    html.close();
    html.element("figcaption", title + ", by training step");
    html.close();
  }

  private String description() {
    return "%s: %s at step %d, %s at step %d"
        .formatted(
            title,
            shortly(values.get(0)),
            steps.get(0),
            shortly(values.get(values.size() - 1)),
            steps.get(steps.size() - 1));
  }

  private void line(
      Html html, String kind, List<Double> drawn, double low, double high, int first, int last) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < drawn.size(); i++) {
      if (Double.isFinite(drawn.get(i))) {
        points
            .append(number(x(steps.get(i), first, last)))
            .append(',')
            .append(number(y(drawn.get(i), low, high)))
            .append(' ');
      }
    }
    html.open("polyline", "class", kind, "points", points.toString().strip());
  }

  /** The mean over a window of a tenth of the curve around each point. */
  private List<Double> smoothed() {
    int half = Math.max(1, values.size() / 20);
    return java.util.stream.IntStream.range(0, values.size())
        .mapToObj(i ->
            values.subList(Math.max(0, i - half), Math.min(values.size(), i + half + 1)).stream()
                .mapToDouble(v -> v)
                .average()
                .orElse(Double.NaN))
        .toList();
  }

  private static double x(double step, int first, int last) {
    return LEFT + (WIDTH - LEFT - RIGHT) * (step - first) / (last - first);
  }

  private static double y(double value, double low, double high) {
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }

  static String shortly(double value) {
    double size = Math.abs(value);
    if (value == 0 || !Double.isFinite(value)) {
      return value == 0 ? "0" : Double.toString(value);
    }
    return size >= 100
        ? String.format(Locale.ROOT, "%,.0f", value)
        : size >= 0.001
            ? String.format(Locale.ROOT, "%.3g", value)
            : String.format(Locale.ROOT, "%.1e", value);
  }
}
