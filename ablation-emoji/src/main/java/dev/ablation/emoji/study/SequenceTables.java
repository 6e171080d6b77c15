package dev.ablation.emoji.study;

import dev.ablation.emoji.study.SequenceDeltas.Rounding;
import dev.ablation.emoji.study.SequenceResult.Figures;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;

/** The results of sequences as a table for programs, as tables for people, and as a chart. */
final class SequenceTables {
  private static final int WIDTH = 330;
  private static final int HEIGHT = 300;

  private final List<SequenceResult> results;
  private final List<String> roundings;

  SequenceTables(List<SequenceResult> results, List<String> roundings) {
    this.results =
        results.stream()
            .sorted(
                Comparator.comparing(SequenceResult::method)
                    .thenComparingInt(result -> result.removed().size())
                    .thenComparingInt(result -> result.undone().size())
                    .thenComparing(SequenceResult::way))
            .toList();
    this.roundings = List.copyOf(roundings);
  }

  void write(Path folder) throws IOException {
    AtomicFiles.writeString(folder.resolve("sequences.csv"), Existing.REPLACE, csv());
    AtomicFiles.writeString(folder.resolve("sequences.md"), Existing.REPLACE, markdown());
    if (!results.isEmpty()) {
      ImageFile.writePng(chart(), folder.resolve("sequences.png"));
    }
  }

  String csv() {
    StringBuilder csv =
        new StringBuilder(
            "method,way,removed,undone,judge,gone,least_gone,back,objects,styles,cmmd,seconds\n");
    for (SequenceResult result : results) {
      row(csv, result, "evaluator", result.figures());
      row(csv, result, "nearest", result.nearest());
    }
    return csv.toString();
  }

  private static void row(StringBuilder csv, SequenceResult result, String judge, Figures figures) {
    csv.append(
        String.format(
            Locale.ROOT,
            "%s,%s,%d,%d,%s,%.4f,%.4f,%s,%.4f,%.4f,%.5f,%.1f%n",
            result.method(),
            result.way(),
            result.removed().size(),
            result.undone().size(),
            judge,
            figures.meanGone(),
            figures.leastGone().getValue(),
            result.undone().isEmpty() ? "" : String.format(Locale.ROOT, "%.4f", figures.meanBack()),
            figures.objects(),
            figures.styles(),
            result.cmmd(),
            result.seconds()));
  }

  /** Two figures in a cell: by the evaluator, by the nearest image. */
  String markdown() {
    StringBuilder text = new StringBuilder();
    text.append(
        "| method | removed | way | gone | least gone | objects kept | styles kept | CMMD | time |\n");
    text.append("| --- | ---: | --- | ---: | --- | ---: | ---: | ---: | ---: |\n");
    for (SequenceResult result : results) {
      if (result.undone().isEmpty()) {
        Map.Entry<String, Double> least = result.figures().leastGone();
        text.append(
            String.format(
                Locale.ROOT,
                "| %s | %d | %s | %s | %s, %.0f %% | %s | %s | %.3f | %.0f s |%n",
                result.method(),
                result.removed().size(),
                result.way(),
                both(result, Figures::meanGone),
                least.getKey().replaceFirst("^[a-z]+:", ""),
                100 * least.getValue(),
                both(result, Figures::objects),
                both(result, Figures::styles),
                result.cmmd(),
                result.seconds()));
      }
    }
    text.append(
        "\n| method | removed | undone | way | others gone | undone are back | objects kept | styles"
            + " kept |\n");
    text.append("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |\n");
    for (SequenceResult result : results) {
      if (!result.undone().isEmpty()) {
        text.append(
            "| %s | %d | %d | %s | %s | %s | %s | %s |%n"
                .formatted(
                    result.method(),
                    result.removed().size(),
                    result.undone().size(),
                    result.way(),
                    both(result, Figures::meanGone),
                    both(result, Figures::meanBack),
                    both(result, Figures::objects),
                    both(result, Figures::styles)));
      }
    }
    text.append('\n');
    roundings.forEach(sentence -> text.append("* ").append(sentence).append('\n'));
    return text.toString();
  }

  private static String both(SequenceResult result, ToDoubleFunction<Figures> figure) {
    return String.format(
        Locale.ROOT,
        "%.0f / %.0f %%",
        100 * figure.applyAsDouble(result.figures()),
        100 * figure.applyAsDouble(result.nearest()));
  }

  static String sentence(Rounding rounding) {
    return String.format(
        Locale.ROOT,
        "the largest change of a weight is %.3g; added in another order the sum differs by at most"
            + " %.1e; half of the deltas subtracted from it leave the others to within %.1e, all"
            + " of them leave %.1e",
        rounding.largest(),
        rounding.reordered(),
        rounding.ofRest(),
        rounding.ofAll());
  }

  /** Three charts side by side: what is gone, the objects and the styles that stay. */
  private BufferedImage chart() {
    Map<String, ToDoubleFunction<Figures>> panels = new LinkedHashMap<>();
    panels.put("removed: no longer drawn", Figures::meanGone);
    panels.put("other objects: still drawn", Figures::objects);
    panels.put("other styles: still drawn", Figures::styles);
    BufferedImage image =
        new BufferedImage(WIDTH * panels.size(), HEIGHT, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    try {
      panels.forEach((title, figure) -> {
        chart(title, figure).paint(graphics, WIDTH, HEIGHT);
        graphics.translate(WIDTH, 0);
      });
    } finally {
      graphics.dispose();
    }
    return image;
  }

  private XYChart chart(String title, ToDoubleFunction<Figures> figure) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("concepts removed")
            .yAxisTitle("%")
            .build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendPosition(LegendPosition.InsideSW);
    chart.getStyler().setYAxisMin(0.0);
    chart.getStyler().setYAxisMax(105.0);
    List<String> methods = results.stream().map(SequenceResult::method).distinct().toList();
    for (String method : methods) {
      for (SequenceWay way : SequenceWay.values()) {
        List<SequenceResult> own =
            results.stream()
                .filter(result -> result.method().equals(method))
                .filter(result -> result.way() == way && result.undone().isEmpty())
                .toList();
        if (!own.isEmpty()) {
          chart.addSeries(
              methods.size() == 1 ? way.toString() : method + ", " + way,
              own.stream().mapToDouble(result -> result.removed().size()).toArray(),
              own.stream()
                  .mapToDouble(result -> 100 * figure.applyAsDouble(result.figures()))
                  .toArray());
        }
      }
    }
    return chart;
  }
}
