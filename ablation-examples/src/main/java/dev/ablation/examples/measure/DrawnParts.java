package dev.ablation.examples.measure;

import dev.ablation.examples.EmbeddedEvaluator.Verdict;
import dev.ablation.examples.EmbeddedModel;
import dev.ablation.examples.PictureSheet;
import dev.ablation.examples.dataset.DataSetIndex;
import dev.ablation.examples.dataset.EmojiPicture;
import dev.ablation.examples.dataset.RgbPicture;
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

/** Parts that draw pictures of captions and have them judged. */
final class DrawnParts {
  /** Held-out pairs are few: each is drawn more often. */
  private static final int HELD_OUT_TIMES = 4;

  private static final int PLANTED_TIMES = 100;
  private static final int QUICK_PLANTED_TIMES = 6;
  private static final int SHEET_ROWS = 24;
  private static final int SHEET_COLUMNS = 12;

  private DrawnParts() {}

  /** All things in all styles, but for the pairs that are held out. */
  static List<Finding> pairs(Bench bench) throws IOException {
    Set<DataSetIndex.Pair> heldOut = Set.copyOf(bench.heldOut());
    List<Asked> once =
        bench.some(bench.concepts()).stream()
            .flatMap(
                concept -> EmbeddedModel.styles().stream().map(style -> Asked.pair(concept, style)))
            .filter(asked -> !asked.isAmong(heldOut))
            .toList();
    List<Asked> asked = bench.repeated(once, bench.repeats());
    List<BufferedImage> drawn = bench.draw("pairs", asked);
    List<Verdict> verdicts = bench.judge(drawn);
    bench.keep("pairs", asked, verdicts);
    PictureSheet.write(
        byConceptAndStyle(once, drawn), EmbeddedModel.styles().size(), sheet(bench, "pairs"));
    return found(
        Stream.of(
            Asked.share(Quantity.PAIR_STYLE, asked, verdicts, bench.leftOut(), Asked::styleIs),
            Asked.share(Quantity.PAIR_STYLE_WITH_ALL, asked, verdicts, Set.of(), Asked::styleIs),
            Asked.share(Quantity.PAIR_CONCEPT, asked, verdicts, Set.of(), Asked::conceptIs),
            Optional.of(bench.copies(Quantity.OTHER_COPIES, verdicts))));
  }

  /** Some things from all over the list: a row each, a column for each style; gaps stay white. */
  private static List<BufferedImage> byConceptAndStyle(
      List<Asked> asked, List<BufferedImage> drawn) {
    Map<Asked, BufferedImage> pictures = new HashMap<>();
    for (int i = 0; i < asked.size(); i++) {
      pictures.put(asked.get(i), drawn.get(i));
    }
    List<String> concepts = asked.stream().map(Asked::concept).distinct().toList();
    int rows = Math.min(SHEET_ROWS, concepts.size());
    List<BufferedImage> sheet = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      String concept = concepts.get(row * concepts.size() / rows);
      for (String style : EmbeddedModel.styles()) {
        sheet.add(pictures.getOrDefault(Asked.pair(concept, style), white()));
      }
    }
    return sheet;
  }

  /** Pairs that were never trained on; the sheet shows the real picture beside each drawn one. */
  static List<Finding> heldOut(Bench bench) throws IOException {
    List<Asked> once =
        bench.some(bench.heldOut()).stream()
            .map(pair -> Asked.pair(pair.concept(), pair.style()))
            .toList();
    List<Asked> asked = bench.repeated(once, HELD_OUT_TIMES * bench.repeats());
    List<BufferedImage> drawn = bench.draw("held-out", asked);
    List<Verdict> verdicts = bench.judge(drawn);
    bench.keep("held-out", asked, verdicts);
    Map<DataSetIndex.Pair, EmojiPicture> real =
        bench.data().pictures().stream()
            .collect(
                Collectors.toMap(
                    picture -> new DataSetIndex.Pair(picture.concept().name(), picture.style()),
                    Function.identity()));
    List<BufferedImage> twins = new ArrayList<>();
    for (int i = 0; i < once.size(); i++) {
      DataSetIndex.Pair pair = bench.some(bench.heldOut()).get(i);
      twins.add(drawn.get(i));
      twins.add(Objects.requireNonNull(real.get(pair)).pixels().toImage());
    }
    PictureSheet.write(twins, SHEET_COLUMNS, sheet(bench, "held-out"));
    Set<DataSetIndex.Pair> leftOut = bench.leftOut();
    return found(
        Stream.of(
            Asked.share(
                Quantity.HELD_OUT_BOTH,
                asked,
                verdicts,
                leftOut,
                (one, verdict) -> one.styleIs(verdict) && one.conceptIs(verdict)),
            Asked.share(Quantity.HELD_OUT_STYLE, asked, verdicts, leftOut, Asked::styleIs),
            Asked.share(Quantity.HELD_OUT_CONCEPT, asked, verdicts, Set.of(), Asked::conceptIs),
            Optional.of(bench.copies(Quantity.OTHER_COPIES, verdicts))));
  }

  /** Captions that name a thing alone. */
  static List<Finding> withoutStyle(Bench bench) throws IOException {
    List<Asked> asked =
        bench.repeated(
            bench.some(bench.concepts()).stream().map(Asked::withoutStyle).toList(),
            bench.repeats());
    List<BufferedImage> drawn = bench.draw("no style", asked);
    List<Verdict> verdicts = bench.judge(drawn);
    bench.keep("no-style", asked, verdicts);
    PictureSheet.write(
        drawn.subList(0, Math.min(drawn.size(), SHEET_ROWS * SHEET_COLUMNS)),
        SHEET_COLUMNS,
        sheet(bench, "no-style"));
    return found(
        Stream.of(
            Asked.share(Quantity.NO_STYLE_CONCEPT, asked, verdicts, Set.of(), Asked::conceptIs),
            Optional.of(commonest(verdicts)),
            Optional.of(bench.copies(Quantity.OTHER_COPIES, verdicts))));
  }

  static Finding commonest(List<Verdict> verdicts) {
    Map<String, Long> counts =
        verdicts.stream()
            .collect(Collectors.groupingBy(one -> one.style().name(), Collectors.counting()));
    Map.Entry<String, Long> most =
        counts.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow();
    return Finding.share(Quantity.NO_STYLE_COMMONEST, most.getValue(), verdicts.size())
        .noting(most.getKey());
  }

  /** The planted caption; the sheet begins with the planted picture itself. */
  static List<Finding> planted(Bench bench) throws IOException {
    Asked caption = new Asked(EmbeddedModel.plantedCaption(), null, null);
    int times = bench.quick() ? QUICK_PLANTED_TIMES : PLANTED_TIMES * bench.repeats();
    List<Asked> asked = bench.repeated(List.of(caption), times);
    List<BufferedImage> drawn = bench.draw("planted", asked);
    List<Verdict> verdicts = bench.judge(drawn);
    bench.keep("planted", asked, verdicts);
    List<BufferedImage> sheet = new ArrayList<>(List.of(bench.evaluator().plantedPicture()));
    sheet.addAll(drawn.subList(0, Math.min(drawn.size(), 2 * SHEET_COLUMNS - 1)));
    PictureSheet.write(sheet, SHEET_COLUMNS, sheet(bench, "planted"));
    return List.of(bench.copies(Quantity.PLANTED_COPIES, verdicts));
  }

  private static List<Finding> found(Stream<Optional<Finding>> findings) {
    return findings.flatMap(Optional::stream).toList();
  }

  private static Path sheet(Bench bench, String part) {
    return bench.output().resolve(part + ".png");
  }

  private static BufferedImage white() {
    BufferedImage image =
        new BufferedImage(RgbPicture.SIZE, RgbPicture.SIZE, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, RgbPicture.SIZE, RgbPicture.SIZE);
    graphics.dispose();
    return image;
  }
}
