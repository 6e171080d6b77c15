package dev.ablation.cli;

import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;

/** Fonts, if there are any: the smallest Java images for servers have none. */
final class Lettering {
  private static final boolean AVAILABLE = probe();

  private Lettering() {}

  static boolean isAvailable() {
    return AVAILABLE;
  }

  static Font plain(int size) {
    return new Font(Font.SANS_SERIF, Font.PLAIN, size);
  }

  static Font bold(int size) {
    return new Font(Font.SANS_SERIF, Font.BOLD, size);
  }

  static void smooth(Graphics2D graphics) {
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
  }

  private static boolean probe() {
    Graphics2D graphics = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB).createGraphics();
    try {
      return graphics.getFontMetrics(plain(12)).stringWidth("a") > 0;
    } catch (RuntimeException | LinkageError | InternalError e) {
      // What is thrown without fontconfig or a font differs from Java to Java.
      return false;
    } finally {
      graphics.dispose();
    }
  }
}
