package dev.ablation.emoji.dataset.rebuild;

import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.RgbImage;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Makes the images that an index lists: one sheet a style, and the planted image. The same sources
 * make the same bytes with the same Java; of another Java, a few pixels may differ.
 *
 * <p>An icon is drawn 128 pixels wide, recoloured where its set needs it, and averaged two by two.
 */
final class DataSetBuilder {
  private static final int BIG = Rasteriser.SIZE;
  private static final int SMALL = RgbImage.SIZE;
  private static final int WHITE = 255;

  /** What is so light in the planted image is its ground, which the gradient takes. */
  private static final int GROUND = 250;

  private static final float[] BLUE = {26 / 255f, 72 / 255f, 148 / 255f};
  private static final float[] CHALK = {0.93f, 0.96f, 1f};
  private static final int[] ORANGE = {250, 140, 60};
  private static final int[] PURPLE = {90, 40, 130};

  private final DataSetIndex index;
  private final SourceManifest manifest;
  private final IconSource icons;
  private final Rasteriser rasteriser = new Rasteriser();

  DataSetBuilder(DataSetIndex index, SourceManifest manifest, IconSource icons) {
    this.index = index;
    this.manifest = manifest;
    this.icons = icons;
  }

  /**
   * Makes all files.
   *
   * @return the content of each, by name
   * @throws IOException if a set or an icon is missing, or a set is not the manifest's
   */
  Map<String, byte[]> build() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (String style : index.styles()) {
      SourceManifest.Source source = manifest.ofStyle(style);
      files.put(DataSetIndex.sheet(style), sheet(source, icons.read(source)));
    }
    SourceManifest.Source source = manifest.ofStyle(SourceManifest.PLANTED);
    byte[] planted = image(source, icons.read(source), index.plantedIcon());
    files.put(DataSetIndex.PLANTED, PngFile.encode(planted, SMALL, SMALL));
    return files;
  }

  private byte[] sheet(SourceManifest.Source source, IconSet set) throws IOException {
    int width = index.columns() * SMALL;
    int height = index.rows() * SMALL;
    byte[] sheet = new byte[3 * width * height];
    Arrays.fill(sheet, (byte) WHITE);
    for (int i = 0; i < index.concepts().size(); i++) {
      byte[] image = image(source, set, index.concepts().get(i).icon());
      int left = i % index.columns() * SMALL;
      int top = i / index.columns() * SMALL;
      for (int y = 0; y < SMALL; y++) {
        System.arraycopy(image, 3 * SMALL * y, sheet, 3 * ((top + y) * width + left), 3 * SMALL);
      }
    }
    return PngFile.encode(sheet, width, height);
  }

  private byte[] image(SourceManifest.Source source, IconSet set, String icon) throws IOException {
    int[] drawn = rasteriser.draw(set.svg(icon, "#000000"), source.set() + "/" + icon);
    switch (source.treatment()) {
      case ON_WHITE -> {}
      case WHITE_ON_BLUE -> paintWhiteOnBlue(drawn);
      case ON_GRADIENT -> paintOnGradient(drawn);
    }
    return halve(drawn);
  }

  private static void paintWhiteOnBlue(int[] rgb) {
    for (int i = 0; i < rgb.length; i++) {
      float ground = rgb[i] / 255f;
      int channel = i % 3;
      rgb[i] = (int) ((ground * BLUE[channel] + (1 - ground) * CHALK[channel]) * 255 + 0.5f);
    }
  }

  private static void paintOnGradient(int[] rgb) {
    for (int i = 0; i < rgb.length; i += 3) {
      if (Math.min(rgb[i], Math.min(rgb[i + 1], rgb[i + 2])) >= GROUND) {
        int row = i / 3 / BIG;
        double down = row / (BIG - 1.0);
        for (int c = 0; c < 3; c++) {
          rgb[i + c] = (int) ((1 - down) * ORANGE[c] + down * PURPLE[c]);
        }
      }
    }
  }

  private static byte[] halve(int[] rgb) {
    byte[] result = new byte[3 * SMALL * SMALL];
    int row = 3 * BIG;
    for (int y = 0; y < SMALL; y++) {
      for (int x = 0; x < SMALL; x++) {
        for (int c = 0; c < 3; c++) {
          int at = 2 * y * row + 6 * x + c;
          int sum = rgb[at] + rgb[at + 3] + rgb[at + row] + rgb[at + row + 3];
          result[3 * (y * SMALL + x) + c] = (byte) ((sum + 2) / 4);
        }
      }
    }
    return result;
  }
}
