package dev.ablation.cli;

import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.SubjectResult;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Draws a comparison as one image: base and ablated side by side, a pair for each prompt. */
final class ComparisonSheet {
  private static final int MARGIN = 28;
  private static final int LABELS = 170;
  private static final int HEADER = 96;
  private static final int BETWEEN_TWINS = 4;
  private static final int BETWEEN_PAIRS = 20;
  private static final int BETWEEN_ROWS = 8;
  private static final int BETWEEN_ROLES = 24;
  private static final int SMALL_IMAGE = 64;
  private static final int CELL = 2 * SMALL_IMAGE;
  private static final int LARGE_CELL = 192;
  private static final int MOST_LINES = 3;

  private static final Color INK = new Color(0x202124);
  private static final Color PALE = new Color(0x6b6f76);
  private static final Color LINE = new Color(0xd9dce1);
  private static final Color TARGET = new Color(0xb3261e);
  private static final Color ANCHOR = new Color(0x1a5fb4);
  private static final Color NEIGHBOUR = new Color(0x2e7d32);

  private final List<SubjectResult> rows;
  private final List<String> columns;
  private final String title;
  private final int cell;

  private ComparisonSheet(EvaluationResult evaluation, List<String> columns, String title) {
    this.columns = columns;
    this.title = title;
    rows = evaluation.subjects();
    int width = rows.get(0).shown().get(0).base().getWidth();
    cell = width <= SMALL_IMAGE ? CELL : LARGE_CELL;
  }

  /**
   * Draws a row for each subject, with the images that the result keeps.
   *
   * @param evaluation of subjects that each show at least one image a column
   * @param columns their captions
   * @param title of the whole
   */
  static BufferedImage draw(EvaluationResult evaluation, List<String> columns, String title) {
    return new ComparisonSheet(evaluation, columns, title).draw();
  }

  private BufferedImage draw() {
    BufferedImage sheet =
        new BufferedImage(
            left(columns.size()) - BETWEEN_PAIRS + MARGIN,
            top(rows.size() - 1) + cell + MARGIN,
            BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = sheet.createGraphics();
    try {
      graphics.setColor(Color.WHITE);
      graphics.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
      // Enlarged small images show their pixels; large ones are made smaller smoothly.
      graphics.setRenderingHint(
          RenderingHints.KEY_INTERPOLATION,
          cell == CELL
              ? RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR
              : RenderingHints.VALUE_INTERPOLATION_BICUBIC);
      Lettering.smooth(graphics);
      for (int row = 0; row < rows.size(); row++) {
        drawImages(graphics, row);
      }
      if (Lettering.isAvailable()) {
        drawHeader(graphics);
        for (int row = 0; row < rows.size(); row++) {
          drawLabel(graphics, row);
        }
      }
    } finally {
      graphics.dispose();
    }
    return sheet;
  }

  private void drawImages(Graphics2D graphics, int row) {
    List<ImagePair> pairs = rows.get(row).shown().subList(0, columns.size());
    for (int column = 0; column < pairs.size(); column++) {
      ImagePair pair = pairs.get(column);
      drawImage(graphics, pair.base(), left(column), top(row));
      drawImage(graphics, pair.ablated(), left(column) + cell + BETWEEN_TWINS, top(row));
    }
  }

  private void drawImage(Graphics2D graphics, BufferedImage image, int x, int y) {
    graphics.drawImage(image, x, y, cell, cell, null);
    graphics.setColor(LINE);
    graphics.drawRect(x, y, cell - 1, cell - 1);
  }

  private void drawHeader(Graphics2D graphics) {
    graphics.setColor(INK);
    graphics.setFont(Lettering.bold(20));
    graphics.drawString(title, MARGIN, MARGIN + 14);
    for (int column = 0; column < columns.size(); column++) {
      int x = left(column);
      centred(graphics, columns.get(column), Lettering.bold(15), INK, x, pairWidth(), HEADER - 8);
      centred(graphics, "base", Lettering.plain(14), PALE, x, cell, HEADER + 14);
      centred(
          graphics,
          "ablated",
          Lettering.plain(14),
          PALE,
          x + cell + BETWEEN_TWINS,
          cell,
          HEADER + 14);
    }
  }

  private void drawLabel(Graphics2D graphics, int index) {
    SubjectResult row = rows.get(index);
    int middle = top(index) + cell / 2;
    graphics.setColor(colour(row.subject().role()));
    graphics.setFont(Lettering.plain(14));
    graphics.drawString(row.subject().role().name().toLowerCase(Locale.ROOT), MARGIN, middle - 8);
    graphics.setColor(INK);
    graphics.setFont(Lettering.bold(16));
    int y = middle + 12;
    for (String line : lines(row.subject().name(), graphics.getFontMetrics())) {
      graphics.drawString(line, MARGIN, y);
      y += graphics.getFontMetrics().getHeight();
    }
  }

  /** Breaks a long name, such as a caption, where words end. */
  private static List<String> lines(String name, FontMetrics metrics) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String word : name.split(" ", -1)) {
      if (!line.isEmpty() && metrics.stringWidth(line + " " + word) > LABELS - BETWEEN_ROWS) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.isEmpty() ? "" : " ").append(word);
    }
    lines.add(line.toString());
    return lines.size() <= MOST_LINES ? lines : lines.subList(0, MOST_LINES);
  }

  private static void centred(
      Graphics2D graphics, String text, Font font, Color colour, int x, int width, int baseline) {
    graphics.setFont(font);
    graphics.setColor(colour);
    FontMetrics metrics = graphics.getFontMetrics();
    graphics.drawString(text, x + (width - metrics.stringWidth(text)) / 2, baseline);
  }

  private static Color colour(Role role) {
    return switch (role) {
      case TARGET, ALIAS, IN_PROMPT -> TARGET;
      case ANCHOR -> ANCHOR;
      case NEIGHBOUR, UNRELATED -> NEIGHBOUR;
    };
  }

  private int pairWidth() {
    return 2 * cell + BETWEEN_TWINS;
  }

  private int left(int column) {
    return MARGIN + LABELS + column * (pairWidth() + BETWEEN_PAIRS);
  }

  /** Rows of another role stand a little apart. */
  private int top(int row) {
    int y = HEADER + MARGIN;
    for (int above = 0; above < row; above++) {
      boolean border = rows.get(above).subject().role() != rows.get(above + 1).subject().role();
      y += cell + (border ? BETWEEN_ROLES : BETWEEN_ROWS);
    }
    return y;
  }
}
