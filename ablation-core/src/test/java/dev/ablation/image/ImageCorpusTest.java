package dev.ablation.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.InflaterInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Generated PNG, JPEG and WebP files: all color types, depths, subsamplings and orientations, with
 * markers and chunks of many kinds. {@code pixels.z} has their pixels as Pillow 13.0 reads them,
 * transparency over white; OpenCV reads the same ones (script {@code corpus.py}).
 */
class ImageCorpusTest {
  private static final String FOLDER = "/images/corpus/";
  private static final double MOST_ERROR = 1;

  /** Forms that are refused, because they would be read with other colors. */
  private static final List<String> REFUSED =
      List.of("jpg-cmyk-adobe.jpg", "webp-lossy-alpha.webp", "webp-lossy.webp");

  @TempDir Path folder;

  /** An image as other decoders read it. */
  private record Expected(int width, int height, byte[] rgb) {}

  private static Map<String, Expected> expected() throws IOException {
    Map<String, Expected> images = new TreeMap<>();
    try (DataInputStream in =
        new DataInputStream(
            new InflaterInputStream(
                ImageCorpusTest.class.getResourceAsStream(FOLDER + "pixels.z")))) {
      for (int length = in.read(); length >= 0; length = in.read()) {
        byte[] name = in.readNBytes(length << 8 | in.read());
        int width = in.readUnsignedShort();
        int height = in.readUnsignedShort();
        images.put(
            new String(name, java.nio.charset.StandardCharsets.US_ASCII),
            new Expected(width, height, in.readNBytes(3 * width * height)));
      }
    }
    return images;
  }

  private BufferedImage read(String name) throws IOException {
    Path file = folder.resolve(name);
    try (InputStream in = ImageCorpusTest.class.getResourceAsStream(FOLDER + name)) {
      Files.write(file, in.readAllBytes());
    }
    return ImageFile.read(file);
  }

  @Test
  void everyFormIsReadAsByOtherDecodersOrRefused() throws IOException {
    Map<String, Expected> images = expected();
    assertThat(images).hasSizeGreaterThan(70);
    List<String> refused = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    for (Map.Entry<String, Expected> each : images.entrySet()) {
      BufferedImage read;
      try {
        read = read(each.getKey());
      } catch (IOException e) {
        refused.add(each.getKey());
        continue;
      }
      double error = error(read, each.getValue());
      if (!(error <= MOST_ERROR)) {
        wrong.add(String.format(Locale.ROOT, "%s by %.2f", each.getKey(), error));
      }
    }
    assertThat(wrong).as("images that are read as others").isEmpty();
    assertThat(refused).containsExactlyElementsOf(REFUSED);
  }

  /** The mean difference of all channels; not a number if the sizes differ. */
  private static double error(BufferedImage read, Expected expected) {
    if (read.getWidth() != expected.width || read.getHeight() != expected.height) {
      return Double.NaN;
    }
    long sum = 0;
    for (int i = 0; i < expected.rgb.length; i++) {
      int pixel = read.getRGB(i / 3 % expected.width, i / 3 / expected.width);
      sum += Math.abs((pixel >> (16 - 8 * (i % 3)) & 0xff) - (expected.rgb[i] & 0xff));
    }
    return (double) sum / expected.rgb.length;
  }
}
