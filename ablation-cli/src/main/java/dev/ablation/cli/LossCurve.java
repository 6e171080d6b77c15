package dev.ablation.cli;

import dev.ablation.train.TrainingResult.Step;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The loss of every step, as a chart and as a table. */
final class LossCurve {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 480;

  /**
   * Single steps jump, since each draws its own noise levels: the mean of some shows the course.
   */
  private static final int WINDOW = 15;

  private static final Color SINGLE = new Color(0xb9c7da);
  private static final Color MEAN = new Color(0x1a5fb4);

  private LossCurve() {}

  static BufferedImage draw(List<Step> history, String title) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("training step")
            .yAxisTitle("loss")
            .build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    chart.getStyler().setLegendBorderColor(Color.WHITE);
    chart.getStyler().setPlotBorderVisible(false);
    chart.getStyler().setChartPadding(16);
    chart.getStyler().setXAxisDecimalPattern("0");
    chart.getStyler().setYAxisDecimalPattern("0.00##");
    chart.getStyler().setYAxisMin(0.0);
    chart.getStyler().setXAxisMin(0.0);
    chart.getStyler().setXAxisMax((double) history.size());
    double[] steps = IntStream.rangeClosed(1, history.size()).asDoubleStream().toArray();
    double[] losses = history.stream().mapToDouble(Step::loss).toArray();
    add(chart, "each step", steps, losses, SINGLE, 1);
    add(chart, "mean of " + WINDOW, steps, smooth(losses), MEAN, 2.5f);
    BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    try {
      chart.paint(graphics, WIDTH, HEIGHT);
    } finally {
      graphics.dispose();
    }
    return image;
  }

  private static void add(
      XYChart chart, String name, double[] steps, double[] losses, Color colour, float width) {
    XYSeries series = chart.addSeries(name, steps, losses);
    series.setMarker(SeriesMarkers.NONE);
    series.setLineColor(colour);
    series.setLineStyle(new BasicStroke(width));
  }

  /** Returns the mean of each value and those before it, at most {@link #WINDOW} together. */
  private static double[] smooth(double[] values) {
    return IntStream.range(0, values.length)
        .mapToDouble(i ->
            IntStream.rangeClosed(Math.max(0, i - WINDOW + 1), i)
                .mapToDouble(k -> values[k])
                .average()
                .orElseThrow())
        .toArray();
  }

  static String csv(List<Step> history) {
    StringBuilder csv = new StringBuilder("step,loss,gradient_norm\n");
    for (int i = 0; i < history.size(); i++) {
      csv.append(
          String.format(
              Locale.ROOT,
              "%d,%.8g,%.8g%n",
              i + 1,
              history.get(i).loss(),
              history.get(i).gradientNorm()));
    }
    return csv.toString();
  }
}
