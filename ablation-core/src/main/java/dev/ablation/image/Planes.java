package dev.ablation.image;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.Raster;

/** The red, green and blue planes of an image, 0..255, each row by row. */
final class Planes {
  private Planes() {}

  static int[][] of(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    if (isGrey(image)) {
      Raster raster = image.getRaster();
      int[] grey = raster.getSamples(0, 0, width, height, 0, (int[]) null);
      return new int[][] {grey, grey, grey};
    }
    int[] pixels = image.getRGB(0, 0, width, height, null, 0, width);
    int[][] planes = new int[3][pixels.length];
    for (int i = 0; i < pixels.length; i++) {
      planes[0][i] = (pixels[i] >> 16) & 0xff;
      planes[1][i] = (pixels[i] >> 8) & 0xff;
      planes[2][i] = pixels[i] & 0xff;
    }
    return planes;
  }

  static BufferedImage toImage(int[][] planes, int width, int height) {
    int[] pixels = new int[width * height];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (planes[0][i] << 16) | (planes[1][i] << 8) | planes[2][i];
    }
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, width, height, pixels, 0, width);
    return image;
  }

  /** Java treats 8-bit gray as linear light and would brighten it; no other program does. */
  private static boolean isGrey(BufferedImage image) {
    ColorModel colors = image.getColorModel();
    return colors.getNumColorComponents() == 1 && colors.getComponentSize(0) == 8;
  }
}
