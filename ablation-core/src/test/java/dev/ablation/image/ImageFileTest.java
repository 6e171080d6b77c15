package dev.ablation.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.awt.color.ColorSpace;
import java.awt.color.ICC_Profile;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The files were written by Pillow from {@link #pattern()}. */
class ImageFileTest {
  private static final int WIDTH = 24;
  private static final int HEIGHT = 16;

  @TempDir Path folder;

  private static Path file(String name) {
    try {
      return Path.of(ImageFileTest.class.getResource("/images/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private static BufferedImage pattern() {
    BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < HEIGHT; y++) {
      for (int x = 0; x < WIDTH; x++) {
        image.setRGB(x, y, (10 * x) << 16 | (15 * y) << 8 | (255 - 5 * x - 7 * y) & 0xff);
      }
    }
    return image;
  }

  /** Largest difference in any channel. */
  private static int difference(BufferedImage one, BufferedImage two) {
    assertThat(one.getWidth()).isEqualTo(two.getWidth());
    assertThat(one.getHeight()).isEqualTo(two.getHeight());
    int largest = 0;
    for (int y = 0; y < one.getHeight(); y++) {
      for (int x = 0; x < one.getWidth(); x++) {
        for (int shift = 0; shift <= 16; shift += 8) {
          int a = (one.getRGB(x, y) >> shift) & 0xff;
          int b = (two.getRGB(x, y) >> shift) & 0xff;
          largest = Math.max(largest, Math.abs(a - b));
        }
      }
    }
    return largest;
  }

  @ParameterizedTest
  @CsvSource({
    "lossless.webp, 0",
    "turned.webp, 0",
    "upright.jpg, 20",
    "progressive.jpg, 20",
    "turned.jpg, 20"
  })
  void readsEveryFormatUpright(String name, int most) throws IOException {
    BufferedImage read = ImageFile.read(file(name));
    assertThat(read.getType()).isEqualTo(BufferedImage.TYPE_INT_RGB);
    assertThat(difference(read, pattern())).isLessThanOrEqualTo(most);
  }

  @ParameterizedTest
  @ValueSource(strings = {"grey.png", "grey-alpha.png", "grey.jpg"})
  void keepsGreyAsItIsStored(String name) throws IOException {
    BufferedImage read = ImageFile.read(file(name));
    // Pillow's grey of the first pixel, (0, 0, 255): 29
    assertThat(read.getRGB(0, 0) & 0xffffff).isCloseTo(0x1d1d1d, within(0x030303));
  }

  private static org.assertj.core.data.Offset<Integer> within(int offset) {
    return org.assertj.core.data.Offset.offset(offset);
  }

  @Test
  void laysTransparencyOverWhite() throws IOException {
    BufferedImage read = ImageFile.read(file("alpha.webp"));
    assertThat(read.getRGB(3, 5)).isEqualTo(pattern().getRGB(3, 5));
    int alpha = 5 * 20;
    int red = Math.round((10 * 20 * alpha + 255 * (255 - alpha)) / 255f);
    assertThat((read.getRGB(20, 5) >> 16) & 0xff).isEqualTo(red);
  }

  @Test
  void halvesOfSixteenBitsAreRounded() throws IOException {
    BufferedImage deep =
        new BufferedImage(
            new java.awt.image.ComponentColorModel(
                ColorSpace.getInstance(ColorSpace.CS_sRGB),
                false,
                false,
                java.awt.Transparency.OPAQUE,
                java.awt.image.DataBuffer.TYPE_USHORT),
            java.awt.image.Raster.createInterleavedRaster(
                java.awt.image.DataBuffer.TYPE_USHORT, 2, 1, 3, null),
            false,
            null);
    deep.getRaster().setPixel(0, 0, new int[] {65535, 257 * 100 + 128, 257 * 100 + 129});
    Path file = folder.resolve("deep.png");
    ImageIO.write(deep, "png", file.toFile());
    assertThat(ImageFile.read(file).getRGB(0, 0) & 0xffffff).isEqualTo(0xff6465);
  }

  /** Puts a profile into a PNG file. */
  private static byte[] withProfile(byte[] png, byte[] profile) throws IOException {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    data.writeBytes("iCCPname\0\0".getBytes(StandardCharsets.US_ASCII));
    try (DeflaterOutputStream deflated = new DeflaterOutputStream(data)) {
      deflated.write(profile);
    }
    CRC32 crc = new CRC32();
    crc.update(data.toByteArray());
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    int afterHeader = 8 + 25;
    DataOutputStream out = new DataOutputStream(all);
    out.write(png, 0, afterHeader);
    out.writeInt(data.size() - 4);
    data.writeTo(out);
    out.writeInt((int) crc.getValue());
    out.write(png, afterHeader, png.length - afterHeader);
    return all.toByteArray();
  }

  private static byte[] png(BufferedImage image) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(image, "png", out);
    return out.toByteArray();
  }

  @Test
  void convertsColoursToSrgb() throws IOException {
    BufferedImage grey = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
    grey.setRGB(0, 0, 0x333333);
    byte[] linear = ICC_Profile.getInstance(ColorSpace.CS_LINEAR_RGB).getData();
    int read = ImageFile.read(withProfile(png(grey), linear), "linear").getRGB(0, 0) & 0xff;
    // 0.2 of the light is 0.485 in sRGB
    assertThat(read).isCloseTo(124, within(2));
    byte[] same = ICC_Profile.getInstance(ColorSpace.CS_sRGB).getData();
    assertThat(ImageFile.read(withProfile(png(pattern()), same), "sRGB"))
        .satisfies(image -> assertThat(difference(image, pattern())).isZero());
    assertThat(ImageFile.read(withProfile(png(pattern()), new byte[200]), "broken"))
        .satisfies(image -> assertThat(difference(image, pattern())).isZero());
  }

  /** An image as a camera held in one of eight ways stores it. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void undoesEveryOrientation(int orientation) throws IOException {
    BufferedImage upright = pattern();
    BufferedImage stored =
        new BufferedImage(
            orientation < 5 ? WIDTH : HEIGHT,
            orientation < 5 ? HEIGHT : WIDTH,
            BufferedImage.TYPE_INT_RGB);
    // Exif: where the stored row 0 and column 0 are in the upright image
    for (int row = 0; row < stored.getHeight(); row++) {
      for (int column = 0; column < stored.getWidth(); column++) {
        int right = WIDTH - 1;
        int bottom = HEIGHT - 1;
        int rgb =
            switch (orientation) {
              case 1 -> upright.getRGB(column, row);
              case 2 -> upright.getRGB(right - column, row);
              case 3 -> upright.getRGB(right - column, bottom - row);
              case 4 -> upright.getRGB(column, bottom - row);
              case 5 -> upright.getRGB(row, column);
              case 6 -> upright.getRGB(right - row, column);
              case 7 -> upright.getRGB(right - row, bottom - column);
              default -> upright.getRGB(row, bottom - column);
            };
        stored.setRGB(column, row, rgb);
      }
    }
    byte[] tiff = {
      'e',
      'X',
      'I',
      'f',
      'M',
      'M',
      0,
      42,
      0,
      0,
      0,
      8,
      0,
      1,
      1,
      0x12,
      0,
      3,
      0,
      0,
      0,
      1,
      0,
      (byte) orientation,
      0,
      0,
      0,
      0,
      0,
      0
    };
    byte[] png = png(stored);
    CRC32 crc = new CRC32();
    crc.update(tiff);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(all);
    out.write(png, 0, 33);
    out.writeInt(tiff.length - 4);
    out.write(tiff);
    out.writeInt((int) crc.getValue());
    out.write(png, 33, png.length - 33);
    assertThat(difference(ImageFile.read(all.toByteArray(), "png"), upright)).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "cmyk.jpg, 'must be an RGB or grayscale image, but is CMYK: convert it to RGB first'",
    "lossy.webp, 'must be a lossless WebP image, but is lossy: convert it to PNG first'",
    "animated.webp, 'must be a single image, but is an animation: extract one frame'",
  })
  void refusesWhatItCannotRead(String name, String why) {
    assertThatIOException()
        .isThrownBy(() -> ImageFile.read(file(name)))
        .withMessage(file(name) + ": " + why);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"lossless.webp", "alpha.webp", "upright.jpg", "progressive.jpg", "grey.png"})
  void refusesAFileThatIsCutOff(String name) throws IOException {
    byte[] bytes = Files.readAllBytes(file(name));
    for (int length = 1; length < bytes.length; length += Math.max(1, bytes.length / 40)) {
      byte[] cut = Arrays.copyOf(bytes, length);
      assertThatIOException()
          .as("%s of %s bytes", length, bytes.length)
          .isThrownBy(() -> ImageFile.read(cut, "the file"))
          .withMessageStartingWith("the file: ");
      assertThatIOException().isThrownBy(() -> ImageFile.check(cut, "the file"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lossless.webp", "alpha.webp", "upright.jpg", "turned.jpg", "grey.png"})
  void damageIsAnIoExceptionOrAnotherImage(String name) throws IOException {
    byte[] bytes = Files.readAllBytes(file(name));
    for (int at = 0; at < bytes.length; at += 3) {
      byte[] damaged = bytes.clone();
      damaged[at] ^= 0x55;
      try {
        assertThat(ImageFile.read(damaged, "the file")).isNotNull();
      } catch (IOException e) {
        assertThat(e).hasMessageStartingWith("the file: ");
      }
    }
  }

  @Test
  void refusesWhatIsNoImage() throws IOException {
    Path text = Files.writeString(folder.resolve("a.png"), "not an image");
    assertThatIOException()
        .isThrownBy(() -> ImageFile.read(text))
        .withMessage(text + ": must be a PNG, JPEG or WebP image");
    Path empty = Files.createFile(folder.resolve("empty.png"));
    assertThatIOException()
        .isThrownBy(() -> ImageFile.read(empty))
        .withMessage(empty + ": the file is empty");
    Path missing = folder.resolve("missing.png");
    assertThatIOException()
        .isThrownBy(() -> ImageFile.read(missing))
        .withMessage(missing + ": does not exist");
    assertThatIOException()
        .isThrownBy(() -> ImageFile.read(folder))
        .withMessage(folder + ": must be a file");
  }

  @Test
  void refusesAnImageTooLargeBeforeItIsDecoded() throws IOException {
    byte[] png = png(new BufferedImage(1, 1, BufferedImage.TYPE_BYTE_BINARY));
    // a header of 20,000 x 20,000 pixels
    png[18] = 0x4e;
    png[19] = 0x20;
    png[22] = 0x4e;
    png[23] = 0x20;
    CRC32 crc = new CRC32();
    crc.update(png, 12, 17);
    for (int i = 0; i < 4; i++) {
      png[29 + i] = (byte) (crc.getValue() >> (24 - 8 * i));
    }
    assertThatIOException()
        .isThrownBy(() -> ImageFile.check(png, "the file"))
        .withMessage("the file: must have at most 67108864 pixels, but has 20000 x 20000");
  }

  @Test
  void readsAnyComponentIdsOfJpegAsYCbCr() throws IOException {
    BufferedImage usual = ImageFile.read(file("component-ids-1-2-3.jpg"));
    assertThat(difference(ImageFile.read(file("component-ids-0-1-2.jpg")), usual)).isZero();
    byte[] bytes = Files.readAllBytes(file("component-ids-1-2-3.jpg"));
    for (int first : new int[] {34, 7, 'A'}) {
      byte[] ids = {(byte) first, (byte) (first + 1), (byte) (first + 9)};
      assertThat(difference(ImageFile.read(withIds(bytes, ids), "ids"), usual)).isZero();
    }
  }

  @Test
  void readsRgbJpegByItsIdsOrItsAdobeMarker() throws IOException {
    byte[] bytes = Files.readAllBytes(file("component-ids-1-2-3.jpg"));
    byte[] adobe = new byte[] {(byte) 0xff, (byte) 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e'};
    byte[] marked = new byte[bytes.length + 16];
    System.arraycopy(bytes, 0, marked, 0, 2);
    System.arraycopy(adobe, 0, marked, 2, adobe.length);
    System.arraycopy(bytes, 2, marked, 18, bytes.length - 2);
    BufferedImage usual = ImageFile.read(bytes, "YCbCr");
    BufferedImage byMarker = ImageFile.read(marked, "transform 0");
    BufferedImage byIds = ImageFile.read(withIds(bytes, new byte[] {'R', 'G', 'B'}), "ids RGB");
    assertThat(difference(byIds, byMarker)).isZero();
    assertThat(difference(byIds, usual)).isGreaterThan(50);
    marked[17] = 1;
    assertThat(difference(ImageFile.read(marked, "transform 1"), usual)).isZero();
  }

  /** Changes the ids 1, 2, 3 in the frame and in the scan. */
  private static byte[] withIds(byte[] jpeg, byte[] ids) {
    byte[] changed = jpeg.clone();
    int at = 2;
    while (true) {
      int marker = jpeg[at + 1] & 0xff;
      int entries = marker == 0xc0 ? at + 10 : marker == 0xda ? at + 5 : -1;
      for (int i = 0; entries > 0 && i < 3; i++) {
        int entry = entries + (marker == 0xc0 ? 3 : 2) * i;
        assertThat(jpeg[entry]).isEqualTo((byte) (i + 1));
        changed[entry] = ids[i];
      }
      if (marker == 0xda) {
        return changed;
      }
      at += 2 + ((jpeg[at + 2] & 0xff) << 8 | (jpeg[at + 3] & 0xff));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "histogram-without-palette",
        "profile-name-too-long",
        "compressed-text-damaged",
        "significant-bits-too-short",
        "text-key-too-long",
        "text-empty"
      })
  void ignoresMetadataThatCannotBeParsed(String name) throws IOException {
    byte[] bytes = Files.readAllBytes(file("metadata/" + name + ".png"));
    ImageFile.check(bytes, name);
    BufferedImage read = ImageFile.read(bytes, name);
    assertThat(read.getWidth()).isEqualTo(64);
    assertThat(read.getHeight()).isEqualTo(48);
    if (!name.startsWith("profile")) { // a sound profile under a name that is too long
      BufferedImage other = ImageFile.read(file("metadata/text-empty.png"));
      assertThat(difference(read, other)).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ends-in-huffman-codes-1.webp", "ends-in-huffman-codes-3.webp"})
  @org.junit.jupiter.api.Timeout(5)
  void refusesWebpDataThatEndTooEarlyAtOnce(String name) {
    assertThatIOException()
        .isThrownBy(() -> ImageFile.read(file(name)))
        .withMessageStartingWith(file(name) + ": the WEBP image cannot be read: ");
  }

  @Test
  void refusesWhatTakesTooMuchMemoryBeforeItIsDecoded() throws IOException {
    byte[] png = png(new BufferedImage(1000, 500, BufferedImage.TYPE_INT_RGB));
    assertThat(png.length).isLessThan(10_000);
    assertThatIOException()
        .isThrownBy(() -> ImageFile.read(png, "the file", 4 << 20))
        .withMessage(
            "the file: must take at most 4 MB of memory, half of the largest heap, but 1000 x 500"
                + " pixels take 10");
    assertThat(ImageFile.read(png, "the file", 20 << 20).getWidth()).isEqualTo(1000);
  }
}
