package dev.ablation.emoji.training;

import dev.ablation.image.ImageFile;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The course of a training: a table as a CSV file, and its columns as charts. */
final class TrainingCurve {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 260;

  /** Columns that are no results. */
  private static final List<String> NOT_DRAWN = List.of("step", "samples", "minutes");

  private final Path table;
  private final Path chart;
  private final List<Map<String, Double>> rows;

  private TrainingCurve(Path table, Path chart, List<Map<String, Double>> rows) {
    this.table = table;
    this.chart = chart;
    this.rows = rows;
  }

  /** Opens the course of a stage, without what was noted after a step. */
  static TrainingCurve continued(Path folder, String name, int step) throws IOException {
    Path table = folder.resolve(name + ".csv");
    List<Map<String, Double>> rows =
        step > 0 && Files.exists(table) ? FileReading.of(table, () -> rows(table)) : List.of();
    return new TrainingCurve(
        table,
        folder.resolve(name + ".png"),
        new ArrayList<>(
            rows.stream().filter(row -> row.getOrDefault("step", 0.0) <= step).toList()));
  }

  private static List<Map<String, Double>> rows(Path table) throws IOException {
    List<String> lines = TextFile.lines(table);
    List<Map<String, Double>> rows = new ArrayList<>();
    String[] columns = lines.isEmpty() ? new String[0] : lines.get(0).split(",", -1);
    for (String line : lines.subList(Math.min(1, lines.size()), lines.size())) {
      String[] cells = line.split(",", -1);
      Map<String, Double> row = new LinkedHashMap<>();
      for (int i = 0; i < Math.min(columns.length, cells.length); i++) {
        if (!cells[i].isEmpty()) {
          row.put(columns[i], Double.valueOf(cells[i]));
        }
      }
      rows.add(row);
    }
    return rows;
  }

  /** Notes a row and writes the table. */
  void add(int step, Map<String, Double> values) throws IOException {
    Map<String, Double> row = new LinkedHashMap<>();
    row.put("step", (double) step);
    row.putAll(values);
    rows.add(row);
    List<String> columns = columns();
    StringBuilder csv = new StringBuilder(String.join(",", columns)).append('\n');
    for (Map<String, Double> line : rows) {
      csv.append(
              columns.stream()
                  .map(column -> cell(line.get(column)))
                  .collect(Collectors.joining(",")))
          .append('\n');
    }
    AtomicFiles.writeString(table, Existing.REPLACE, csv.toString());
  }

  private List<String> columns() {
    return rows.stream().flatMap(line -> line.keySet().stream()).distinct().toList();
  }

  private static String cell(@Nullable Double value) {
    if (value == null) {
      return "";
    }
    return value == Math.rint(value)
        ? Long.toString(value.longValue())
        : String.format(Locale.ROOT, "%.6g", value);
  }

  /** Draws a chart of every column, one below the other. */
  void draw() throws IOException {
    if (rows.size() < 2) {
      return;
    }
    List<String> names = columns().stream().filter(name -> !NOT_DRAWN.contains(name)).toList();
    BufferedImage image =
        new BufferedImage(WIDTH, HEIGHT * names.size(), BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    try {
      for (String name : names) {
        chart(name).paint(graphics, WIDTH, HEIGHT);
        graphics.translate(0, HEIGHT);
      }
    } finally {
      graphics.dispose();
    }
    ImageFile.writePng(image, chart);
  }

  private XYChart chart(String name) {
    List<Map<String, Double>> with = rows.stream().filter(row -> row.containsKey(name)).toList();
    XYChart drawn =
        new XYChartBuilder().width(WIDTH).height(HEIGHT).title(name).xAxisTitle("step").build();
    Styler styler = drawn.getStyler();
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setLegendVisible(false);
    drawn.addSeries(name, column(with, "step"), column(with, name)).setMarker(SeriesMarkers.NONE);
    return drawn;
  }

  private static double[] column(List<Map<String, Double>> rows, String name) {
    return rows.stream().mapToDouble(row -> row.getOrDefault(name, Double.NaN)).toArray();
  }
}
