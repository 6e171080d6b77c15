package dev.ablation.emoji.measure;

import dev.ablation.emoji.EmbeddedEvaluator.Verdict;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.ImageSheet;
import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.emoji.dataset.RgbImage;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Parts that draw images of captions and have them judged. */
final class DrawnParts {
  /** Held-out pairs are few: each is drawn more often. */
  private static final int HELD_OUT_TIMES = 4;

  private static final int PLANTED_TIMES = 100;
  private static final int QUICK_PLANTED_TIMES = 6;
  private static final int SHEET_ROWS = 24;
  private static final int SHEET_COLUMNS = 12;

  private DrawnParts() {}

  /** All objects in all styles, but for the pairs that are held out. */
  static List<MeasuredValue> pairs(Bench bench) throws IOException {
    Set<DataSetIndex.Pair> heldOut = Set.copyOf(bench.heldOut());
    List<EvaluationPrompt> once =
        bench.some(bench.concepts()).stream()
            .flatMap(concept ->
                EmbeddedModel.styles().stream().map(style -> EvaluationPrompt.pair(concept, style)))
            .filter(asked -> !asked.isAmong(heldOut))
            .toList();
    List<EvaluationPrompt> asked = bench.repeated(once, bench.repeats());
    List<BufferedImage> drawn = bench.draw("pairs", asked);
    List<Verdict> verdicts = bench.judge(drawn);
    bench.keep("pairs", asked, verdicts);
    ImageSheet.write(
        byConceptAndStyle(once, drawn), EmbeddedModel.styles().size(), sheet(bench, "pairs"));
    return found(
        Stream.of(
            EvaluationPrompt.share(
                Quantity.PAIR_STYLE, asked, verdicts, bench.leftOut(), EvaluationPrompt::styleIs),
            EvaluationPrompt.share(
                Quantity.PAIR_STYLE_WITH_ALL, asked, verdicts, Set.of(), EvaluationPrompt::styleIs),
            EvaluationPrompt.share(
                Quantity.PAIR_CONCEPT, asked, verdicts, Set.of(), EvaluationPrompt::conceptIs),
            Optional.of(bench.copies(Quantity.OTHER_COPIES, verdicts))));
  }

  /** Some objects from all over the list: a row each, a column for each style; gaps stay white. */
  private static List<BufferedImage> byConceptAndStyle(
      List<EvaluationPrompt> asked, List<BufferedImage> drawn) {
    Map<EvaluationPrompt, BufferedImage> images = new HashMap<>();
    for (int i = 0; i < asked.size(); i++) {
      images.put(asked.get(i), drawn.get(i));
    }
    List<String> concepts = asked.stream().map(EvaluationPrompt::concept).distinct().toList();
    int rows = Math.min(SHEET_ROWS, concepts.size());
    List<BufferedImage> sheet = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      String concept = concepts.get(row * concepts.size() / rows);
      for (String style : EmbeddedModel.styles()) {
        sheet.add(images.getOrDefault(EvaluationPrompt.pair(concept, style), white()));
      }
    }
    return sheet;
  }

  /** Pairs that were never trained on; the sheet shows the real image beside each drawn one. */
  static List<MeasuredValue> heldOut(Bench bench) throws IOException {
    List<EvaluationPrompt> once =
        bench.some(bench.heldOut()).stream()
            .map(pair -> EvaluationPrompt.pair(pair.concept(), pair.style()))
            .toList();
    List<EvaluationPrompt> asked = bench.repeated(once, HELD_OUT_TIMES * bench.repeats());
    List<BufferedImage> drawn = bench.draw("held-out", asked);
    List<Verdict> verdicts = bench.judge(drawn);
    bench.keep("held-out", asked, verdicts);
    Map<DataSetIndex.Pair, EmojiImage> real =
        bench.data().images().stream()
            .collect(
                Collectors.toMap(
                    image -> new DataSetIndex.Pair(image.concept().name(), image.style()),
                    Function.identity()));
    List<BufferedImage> twins = new ArrayList<>();
    for (int i = 0; i < once.size(); i++) {
      DataSetIndex.Pair pair = bench.some(bench.heldOut()).get(i);
      twins.add(drawn.get(i));
      twins.add(Objects.requireNonNull(real.get(pair)).pixels().toImage());
    }
    ImageSheet.write(twins, SHEET_COLUMNS, sheet(bench, "held-out"));
    Set<DataSetIndex.Pair> leftOut = bench.leftOut();
    return found(
        Stream.of(
            EvaluationPrompt.share(
                Quantity.HELD_OUT_BOTH,
                asked,
                verdicts,
                leftOut,
                (one, verdict) -> one.styleIs(verdict) && one.conceptIs(verdict)),
            EvaluationPrompt.share(
                Quantity.HELD_OUT_STYLE, asked, verdicts, leftOut, EvaluationPrompt::styleIs),
            EvaluationPrompt.share(
                Quantity.HELD_OUT_CONCEPT, asked, verdicts, Set.of(), EvaluationPrompt::conceptIs),
            Optional.of(bench.copies(Quantity.OTHER_COPIES, verdicts))));
  }

  /** Captions that name an object alone. */
  static List<MeasuredValue> withoutStyle(Bench bench) throws IOException {
    List<EvaluationPrompt> asked =
        bench.repeated(
            bench.some(bench.concepts()).stream().map(EvaluationPrompt::withoutStyle).toList(),
            bench.repeats());
    List<BufferedImage> drawn = bench.draw("no style", asked);
    List<Verdict> verdicts = bench.judge(drawn);
    bench.keep("no-style", asked, verdicts);
    ImageSheet.write(
        drawn.subList(0, Math.min(drawn.size(), SHEET_ROWS * SHEET_COLUMNS)),
        SHEET_COLUMNS,
        sheet(bench, "no-style"));
    return found(
        Stream.of(
            EvaluationPrompt.share(
                Quantity.NO_STYLE_CONCEPT, asked, verdicts, Set.of(), EvaluationPrompt::conceptIs),
            Optional.of(commonest(verdicts)),
            Optional.of(bench.copies(Quantity.OTHER_COPIES, verdicts))));
  }

  static MeasuredValue commonest(List<Verdict> verdicts) {
    Map<String, Long> counts =
        verdicts.stream()
            .collect(Collectors.groupingBy(one -> one.style().name(), Collectors.counting()));
    Map.Entry<String, Long> most =
        counts.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow();
    return MeasuredValue.share(Quantity.NO_STYLE_COMMONEST, most.getValue(), verdicts.size())
        .noting(most.getKey());
  }

  /** The planted caption; the sheet begins with the planted image itself. */
  static List<MeasuredValue> planted(Bench bench) throws IOException {
    EvaluationPrompt caption = new EvaluationPrompt(EmbeddedModel.plantedCaption(), null, null);
    int times = bench.quick() ? QUICK_PLANTED_TIMES : PLANTED_TIMES * bench.repeats();
    List<EvaluationPrompt> asked = bench.repeated(List.of(caption), times);
    List<BufferedImage> drawn = bench.draw("planted", asked);
    List<Verdict> verdicts = bench.judge(drawn);
    bench.keep("planted", asked, verdicts);
    List<BufferedImage> sheet = new ArrayList<>(List.of(bench.evaluator().plantedImage()));
    sheet.addAll(drawn.subList(0, Math.min(drawn.size(), 2 * SHEET_COLUMNS - 1)));
    ImageSheet.write(sheet, SHEET_COLUMNS, sheet(bench, "planted"));
    return List.of(bench.copies(Quantity.PLANTED_COPIES, verdicts));
  }

  private static List<MeasuredValue> found(Stream<Optional<MeasuredValue>> findings) {
    return findings.flatMap(Optional::stream).toList();
  }

  private static Path sheet(Bench bench, String part) {
    return bench.output().resolve(part + ".png");
  }

  private static BufferedImage white() {
    BufferedImage image =
        new BufferedImage(RgbImage.SIZE, RgbImage.SIZE, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, RgbImage.SIZE, RgbImage.SIZE);
    graphics.dispose();
    return image;
  }
}
