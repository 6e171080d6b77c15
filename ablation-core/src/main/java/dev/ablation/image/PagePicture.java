package dev.ablation.image;

import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.Base64;

/** Pictures within an HTML page that needs no other file. */
public final class PagePicture {
  private PagePicture() {}

  /**
   * Encodes an image as the address of an {@code img} element.
   *
   * @param image any image
   * @param longest pixels of the longer side, positive; a larger image is scaled down, to keep the
   *     page small
   * @return a {@code data:} URL of a PNG file
   * @throws IOException if this Java runtime cannot write PNG
   */
  public static String url(BufferedImage image, int longest) throws IOException {
    byte[] png = ImageFile.png(fitting(image, longest));
    return "data:image/png;base64," + Base64.getEncoder().encodeToString(png);
  }

  private static BufferedImage fitting(BufferedImage image, int most) {
    int longest = Math.max(image.getWidth(), image.getHeight());
    if (longest <= most) {
      return image;
    }
    int width = Math.max(1, image.getWidth() * most / longest);
    int height = Math.max(1, image.getHeight() * most / longest);
    BufferedImage small = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = small.createGraphics();
    graphics.setRenderingHint(
        RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
    graphics.drawImage(image, 0, 0, width, height, null);
    graphics.dispose();
    return small;
  }
}
