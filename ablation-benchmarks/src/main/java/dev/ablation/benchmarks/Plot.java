package dev.ablation.benchmarks;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Two lines, of Java and of Python, over sizes; both axes are logarithmic. */
final class Plot {
  private static final int WIDTH = 320;
  private static final int HEIGHT = 325;
  private static final double LEFT = 60;
  private static final double RIGHT = 280;
  private static final double TOP = 40;
  private static final double BOTTOM = 260;
  private static final String JAVA = "#c0392b";
  private static final String PYTHON = "#1f5fa8";

  private Plot() {}

  /**
   * One plot.
   *
   * @param title above
   * @param axis name of what grows
   * @param sizes ascending, positive
   * @param java seconds of each, positive
   * @param python seconds of each, positive
   */
  record Panel(
      String title, String axis, List<Double> sizes, List<Double> java, List<Double> python) {}

  /** Draws plots beside each other. */
  static String svg(List<Panel> panels) {
    StringBuilder text = new StringBuilder();
    int width = WIDTH * panels.size();
    text.append(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">%n"
            .formatted(width, HEIGHT, width, HEIGHT));
    text.append("<rect width=\"%d\" height=\"%d\" fill=\"white\"/>%n".formatted(width, HEIGHT));
    for (int i = 0; i < panels.size(); i++) {
      draw(text, panels.get(i), WIDTH * i);
    }
    text.append(
        "<text x=\"60\" y=\"318\" fill=\"%s\">Java</text><text x=\"110\" y=\"318\" fill=\"%s\">Python</text>%n"
            .formatted(JAVA, PYTHON));
    return text.append("</svg>\n").toString();
  }

  private static void draw(StringBuilder text, Panel panel, double at) {
    int least = (int) Math.floor(log(values(panel).min(Double::compare).orElseThrow()));
    int most = (int) Math.ceil(log(values(panel).max(Double::compare).orElseThrow()));
    int top = Math.max(most, least + 1);
    text.append(
        format(
            "<text x=\"%.1f\" y=\"24\" font-weight=\"bold\">%s</text>%n",
            at + LEFT, panel.title()));
    for (int power = least; power <= top; power++) {
      double y = BOTTOM - (double) (power - least) / (top - least) * (BOTTOM - TOP);
      text.append(
          format(
              "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>",
              at + LEFT, at + RIGHT, y, y));
      text.append(
          format(
              "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s s</text>%n",
              at + LEFT - 6, y + 4, seconds(power)));
    }
    for (double size : panel.sizes()) {
      text.append(
          format(
              "<text x=\"%.1f\" y=\"278\" text-anchor=\"middle\">%,d</text>%n",
              at + x(panel, size), Math.round(size)));
    }
    text.append(
        format(
            "<text x=\"%.1f\" y=\"298\" text-anchor=\"middle\">%s</text>%n",
            at + (LEFT + RIGHT) / 2, panel.axis()));
    line(text, panel, panel.java(), JAVA, at, least, top);
    line(text, panel, panel.python(), PYTHON, at, least, top);
  }

  private static void line(
      StringBuilder text,
      Panel panel,
      List<Double> values,
      String colour,
      double at,
      int least,
      int top) {
    StringBuilder points = new StringBuilder();
    StringBuilder circles = new StringBuilder();
    for (int i = 0; i < values.size(); i++) {
      double x = at + x(panel, panel.sizes().get(i));
      double y = BOTTOM - (log(values.get(i)) - least) / (top - least) * (BOTTOM - TOP);
      points.append(i == 0 ? "" : " ").append(format("%.1f,%.1f", x, y));
      circles.append(
          format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>%n", x, y, colour));
    }
    text.append(
        format(
            "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s\"/>%n",
            colour, points));
    text.append(circles);
  }

  private static double x(Panel panel, double size) {
    double first = log(panel.sizes().get(0));
    double last = log(panel.sizes().get(panel.sizes().size() - 1));
    return LEFT + (log(size) - first) / (last - first) * (RIGHT - LEFT);
  }

  private static Stream<Double> values(Panel panel) {
    return Stream.concat(panel.java().stream(), panel.python().stream());
  }

  private static double log(double value) {
    return Math.log10(value);
  }

  private static String seconds(int power) {
    return power < 0 ? "0." + "0".repeat(-power - 1) + "1" : format("%,.0f", Math.pow(10, power));
  }

  @FormatMethod
  private static String format(@FormatString String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
