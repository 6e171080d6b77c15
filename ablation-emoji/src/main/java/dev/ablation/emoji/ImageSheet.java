package dev.ablation.emoji;

import dev.ablation.image.ImageFile;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Many small images as one, row by row, without lettering. */
public final class ImageSheet {
  private ImageSheet() {}

  /**
   * Lays images side by side.
   *
   * @param images at least one, all as large as the first
   * @param columns how many in a row, positive
   * @return the sheet; what the last row lacks stays white
   * @throws IllegalArgumentException if there are no images or columns
   */
  public static BufferedImage of(List<BufferedImage> images, int columns) {
    if (images.isEmpty() || columns <= 0) {
      throw new IllegalArgumentException(
          "a sheet must have images and columns, had %d and %d".formatted(images.size(), columns));
    }
    int width = images.get(0).getWidth();
    int height = images.get(0).getHeight();
    int rows = (images.size() + columns - 1) / columns;
    BufferedImage sheet =
        new BufferedImage(columns * width, rows * height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = sheet.createGraphics();
    try {
      graphics.setColor(Color.WHITE);
      graphics.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
      for (int i = 0; i < images.size(); i++) {
        graphics.drawImage(images.get(i), i % columns * width, i / columns * height, null);
      }
    } finally {
      graphics.dispose();
    }
    return sheet;
  }

  /**
   * Takes a full sheet of square images apart.
   *
   * @param sheet of square images, no place left white
   * @param columns how many are in a row, positive
   * @return the images, row by row
   * @throws IllegalArgumentException if the sheet has no such rows
   */
  public static List<BufferedImage> split(BufferedImage sheet, int columns) {
    int size = sheet.getWidth() / Math.max(1, columns);
    if (columns <= 0 || size == 0 || sheet.getHeight() % size != 0) {
      throw new IllegalArgumentException(
          "a sheet of %d columns must have square images, was %d x %d"
              .formatted(columns, sheet.getWidth(), sheet.getHeight()));
    }
    List<BufferedImage> images = new ArrayList<>();
    for (int y = 0; y < sheet.getHeight(); y += size) {
      for (int x = 0; x < columns * size; x += size) {
        BufferedImage image = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.drawImage(sheet, -x, -y, null);
        graphics.dispose();
        images.add(image);
      }
    }
    return images;
  }

  /**
   * Writes images side by side.
   *
   * @param images at least one, all as large as the first
   * @param columns how many in a row, positive
   * @param file a PNG, replaced if it is there
   * @throws IOException if it cannot be written
   */
  public static void write(List<BufferedImage> images, int columns, Path file) throws IOException {
    ImageFile.writePng(of(images, columns), file);
  }
}
