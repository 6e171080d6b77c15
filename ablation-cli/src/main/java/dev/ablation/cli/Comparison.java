package dev.ablation.cli;

import dev.ablation.emoji.ImageGrid;
import dev.ablation.emoji.ImageGrid.Role;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * A grid of prompts, drawn before and after.
 *
 * @param grid the prompts
 * @param before images of the base model, row by row
 * @param after images of the ablated model from the same seeds
 */
record Comparison(ImageGrid grid, List<BufferedImage> before, List<BufferedImage> after) {

  Comparison {
    before = List.copyOf(before);
    after = List.copyOf(after);
  }

  int index(int row, int column) {
    return row * grid.columns().size() + column;
  }

  /**
   * Returns the mean squared change of the images in the rows of a role, of pixels from 0 to 1;
   * empty if there is no such row.
   */
  OptionalDouble meanSquaredChange(Role role) {
    int columns = grid.columns().size();
    return IntStream.range(0, grid.rows().size() * columns)
        .filter(image -> grid.rows().get(image / columns).role() == role)
        .mapToDouble(image -> meanSquaredChange(before.get(image), after.get(image)))
        .average();
  }

  /**
   * Returns how many times more the target changed than its neighbours; empty without neighbours.
   */
  OptionalDouble ratio() {
    OptionalDouble target = meanSquaredChange(Role.TARGET);
    OptionalDouble neighbours = meanSquaredChange(Role.NEIGHBOUR);
    return target.isPresent() && neighbours.isPresent()
        ? OptionalDouble.of(target.getAsDouble() / neighbours.getAsDouble())
        : OptionalDouble.empty();
  }

  /** The mean squared change of a picture of pixels from 0 to 1. */
  static double meanSquaredChange(BufferedImage before, BufferedImage after) {
    int width = before.getWidth();
    int height = before.getHeight();
    int[] from = before.getRGB(0, 0, width, height, null, 0, width);
    int[] to = after.getRGB(0, 0, width, height, null, 0, width);
    double sum = 0;
    for (int i = 0; i < from.length; i++) {
      for (int shift = 0; shift < 24; shift += 8) {
        double change = ((from[i] >> shift & 0xff) - (to[i] >> shift & 0xff)) / 255.0;
        sum += change * change;
      }
    }
    return sum / (3.0 * from.length);
  }
}
