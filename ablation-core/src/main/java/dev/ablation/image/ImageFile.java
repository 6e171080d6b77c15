package dev.ablation.image;

import com.google.common.base.Throwables;
import dev.ablation.image.ImageContainer.Format;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import java.awt.color.CMMException;
import java.awt.color.ICC_ColorSpace;
import java.awt.color.ICC_Profile;
import java.awt.image.BufferedImage;
import java.awt.image.ColorConvertOp;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads PNG, JPEG and WebP images as viewers show them: rotated upright according to Exif,
 * converted from the file's ICC profile to sRGB, with transparency over white, and with 16 bits
 * rounded to 8.
 *
 * <p>The published Python code does none of these four: there, photographs may be rotated, and
 * transparent areas show whatever color is stored. For upright, opaque sRGB images, such as
 * generated ones, the pixels are the same.
 *
 * <p>CMYK images, lossy WebP images, animations, damaged or truncated files, images of more than
 * {@value #MAX_PIXELS} pixels and images that would take more than half of the largest heap are
 * rejected. Metadata that cannot be parsed is ignored. WebP needs a reader that Java does not
 * include, such as {@code com.twelvemonkeys.imageio:imageio-webp} at run time.
 *
 * {@snippet class="dev.ablation.Snippets" region="image-file"}
 */
public final class ImageFile {
  /** Maximum number of pixels (width times height) of an image: 67 million. */
  public static final int MAX_PIXELS = 1 << 26;

  private static final int MAX_BYTES = 1 << 29;
  private static final int WHITE = 255;

  private static final Logger LOG = LoggerFactory.getLogger(ImageFile.class);

  private ImageFile() {}

  /**
   * Reads an image.
   *
   * @param file a PNG, JPEG or WebP file; its content, not its name, determines the format
   * @return the image, {@link BufferedImage#TYPE_INT_RGB}
   * @throws IOException if it cannot be read; the message begins with the path
   */
  public static BufferedImage read(Path file) throws IOException {
    return read(bytes(file), file);
  }

  /**
   * Reads an image from bytes.
   *
   * @param bytes content of a PNG, JPEG or WebP file
   * @param source name of the source, for messages
   * @return the image, {@link BufferedImage#TYPE_INT_RGB}
   * @throws IOException if it cannot be read; the message begins with {@code source}
   */
  public static BufferedImage read(byte[] bytes, Object source) throws IOException {
    return read(bytes, source, Runtime.getRuntime().maxMemory() / 2);
  }

  static BufferedImage read(byte[] bytes, Object source, long mostMemory) throws IOException {
    try {
      ImageContainer container = ImageContainer.of(bytes);
      BufferedImage decoded = decode(bytes, container, mostMemory);
      return upright(toRgb(decoded, container), container.orientation());
    } catch (IOException e) {
      throw new IOException(source + ": " + e.getMessage(), e);
    } catch (OutOfMemoryError e) { // other threads have used up what the limit allows
      throw new IOException(source + ": the image does not fit into the free memory", e);
    }
  }

  /**
   * Checks that an image can be read, by reading it.
   *
   * @param bytes content of a PNG, JPEG or WebP file
   * @param source name of the source, for messages
   * @throws IOException if the image cannot be read; the message begins with {@code source}
   */
  public static void check(byte[] bytes, Object source) throws IOException {
    read(bytes, source);
  }

  /**
   * Writes an image to a PNG file atomically, replacing an existing file.
   *
   * @param image any image
   * @param file the file, usually with the extension {@code .png}
   * @throws IOException if it cannot be written
   */
  public static void writePng(BufferedImage image, Path file) throws IOException {
    AtomicFiles.writeBytes(file, Existing.REPLACE, png(image));
  }

  /**
   * Encodes an image as PNG.
   *
   * @param image any image
   * @return the bytes of the file
   * @throws IOException if this Java runtime cannot write PNG
   */
  public static byte[] png(BufferedImage image) throws IOException {
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    if (!ImageIO.write(image, "png", png)) {
      throw new IOException("this Java runtime cannot write PNG files");
    }
    return png.toByteArray();
  }

  /**
   * Reads the bytes of an image file.
   *
   * @param file a file on any file system
   * @return its content
   * @throws IOException if it does not exist, is not a file or is too large; the message begins
   *     with the path
   */
  public static byte[] bytes(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new IOException(file + ": does not exist");
    }
    if (!Files.isRegularFile(file)) {
      throw new IOException(file + ": must be a file");
    }
    if (Files.size(file) > MAX_BYTES) {
      throw new IOException(
          "%s: must have at most %d bytes, but has %d"
              .formatted(file, MAX_BYTES, Files.size(file)));
    }
    return Files.readAllBytes(file);
  }

  private static BufferedImage decode(byte[] bytes, ImageContainer container, long mostMemory)
      throws IOException {
    Format format = container.format();
    DecoderInput input = DecoderInput.of(bytes, format);
    ImageReader reader = reader(format);
    List<String> warnings = new ArrayList<>();
    BufferedImage image;
    try (ImageInputStream in = input.open()) {
      reader.setInput(in);
      checkSize(reader.getWidth(0), reader.getHeight(0), perPixel(input, container), mostMemory);
      reader.addIIOReadWarningListener((from, warning) -> warnings.add(warning));
      image = reader.read(0);
    } catch (IOException | RuntimeException e) {
      if (e instanceof IOException && e.getCause() == null && e.getMessage() != null) {
        throw e;
      }
      // On damaged data, readers throw exceptions of all kinds.
      throw new IOException(
          "the %s image cannot be read: %s"
              .formatted(format, Throwables.getRootCause(e).getMessage()),
          e);
    } finally {
      reader.dispose();
    }
    for (String warning : warnings) {
      // Java's JPEG reader continues with gray where the data is damaged.
      if (warning.startsWith("Corrupt") || warning.startsWith("Premature")) {
        throw new IOException("the %s image is damaged: %s".formatted(format, warning));
      }
    }
    return image;
  }

  private static ImageReader reader(Format format) throws IOException {
    Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format.readerName());
    if (!readers.hasNext()) {
      throw new IOException(
          "no reader for %s images: add an ImageIO plug-in to the class path%s"
              .formatted(
                  format,
                  format == Format.WEBP ? ", such as com.twelvemonkeys.imageio:imageio-webp" : ""));
    }
    return readers.next();
  }

  /** The most bytes that exist at once for a pixel: decoded, samples, converted and turned. */
  private static int perPixel(DecoderInput input, ImageContainer container) {
    return input.bytesPerPixel()
        + 3 // samples
        + 8 // alpha values and what they are taken from
        + 8 // the result and its pixels
        + (container.profile() == null ? 0 : 8)
        + (container.orientation() == 1 ? 0 : 8);
  }

  private static void checkSize(long width, long height, int perPixel, long mostMemory)
      throws IOException {
    if (width * height > MAX_PIXELS) {
      throw new IOException(
          "must have at most %d pixels, but has %d x %d".formatted(MAX_PIXELS, width, height));
    }
    long memory = width * height * perPixel;
    if (memory > mostMemory) {
      throw new IOException(
          "must take at most %d MB of memory, half of the largest heap, but %d x %d pixels take %d"
              .formatted(mostMemory >> 20, width, height, memory >> 20));
    }
  }

  private static BufferedImage toRgb(BufferedImage image, ImageContainer container) {
    int width = image.getWidth();
    int height = image.getHeight();
    byte[] rgb = new byte[3 * width * height];
    int[] alpha = samples(image, rgb);
    byte[] profile = container.profile();
    if (profile != null && image.getColorModel().getNumColorComponents() == 3) {
      toSrgb(rgb, width, height, profile);
    }
    int[] pixels = new int[width * height];
    for (int i = 0; i < pixels.length; i++) {
      int opacity = alpha.length == 0 ? WHITE : alpha[i];
      pixels[i] =
          overWhite(rgb[3 * i], opacity) << 16
              | overWhite(rgb[3 * i + 1], opacity) << 8
              | overWhite(rgb[3 * i + 2], opacity);
    }
    return image(pixels, width, height);
  }

  private static int overWhite(byte value, int opacity) {
    return ((value & 0xff) * opacity + WHITE * (WHITE - opacity) + WHITE / 2) / WHITE;
  }

  /**
   * Copies the stored red, green and blue of each pixel and returns the alpha values, if any.
   * BufferedImage.getRGB would apply a profile that only some readers set, and treat gray as linear
   * light.
   */
  private static int[] samples(BufferedImage image, byte[] rgb) {
    int width = image.getWidth();
    int height = image.getHeight();
    ColorModel colors = image.getColorModel();
    if (colors instanceof IndexColorModel || colors.isAlphaPremultiplied()) {
      int[] pixels = image.getRGB(0, 0, width, height, null, 0, width);
      int[] alpha = new int[pixels.length];
      for (int i = 0; i < pixels.length; i++) {
        rgb[3 * i] = (byte) (pixels[i] >> 16);
        rgb[3 * i + 1] = (byte) (pixels[i] >> 8);
        rgb[3 * i + 2] = (byte) pixels[i];
        alpha[i] = pixels[i] >>> 24;
      }
      return alpha;
    }
    Raster raster = image.getRaster();
    int bands = raster.getNumBands();
    boolean grey = colors.getNumColorComponents() == 1;
    int alphaBand = colors.hasAlpha() ? bands - 1 : -1;
    int[] alpha = new int[alphaBand < 0 ? 0 : width * height];
    double[] scale = new double[bands];
    for (int band = 0; band < bands; band++) {
      scale[band] = (double) WHITE / ((1L << raster.getSampleModel().getSampleSize(band)) - 1);
    }
    int[] row = new int[width * bands];
    for (int y = 0; y < height; y++) {
      raster.getPixels(0, y, width, 1, row);
      for (int x = 0; x < width; x++) {
        int pixel = y * width + x;
        for (int color = 0; color < 3; color++) {
          int band = grey ? 0 : color;
          rgb[3 * pixel + color] = (byte) Math.round(row[x * bands + band] * scale[band]);
        }
        if (alphaBand >= 0) {
          alpha[pixel] = (int) Math.round(row[x * bands + alphaBand] * scale[alphaBand]);
        }
      }
    }
    return alpha;
  }

  /** Converts in place. Ignores a profile that Java cannot read, as browsers do. */
  private static void toSrgb(byte[] rgb, int width, int height, byte[] profileBytes) {
    ICC_Profile profile;
    try {
      profile = ICC_Profile.getInstance(profileBytes);
      if (profile.getNumComponents() != 3 || isSrgb(profile)) {
        return;
      }
      ICC_ColorSpace space = new ICC_ColorSpace(profile);
      ComponentColorModel colors =
          new ComponentColorModel(space, false, false, ColorModel.OPAQUE, DataBuffer.TYPE_BYTE);
      WritableRaster raster =
          Raster.createInterleavedRaster(
              new DataBufferByte(rgb, rgb.length),
              width,
              height,
              3 * width,
              3,
              new int[] {0, 1, 2},
              null);
      BufferedImage source = new BufferedImage(colors, raster, false, null);
      BufferedImage converted = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
      new ColorConvertOp(null).filter(source, converted);
      int[] pixels = converted.getRGB(0, 0, width, height, null, 0, width);
      for (int i = 0; i < pixels.length; i++) {
        rgb[3 * i] = (byte) (pixels[i] >> 16);
        rgb[3 * i + 1] = (byte) (pixels[i] >> 8);
        rgb[3 * i + 2] = (byte) pixels[i];
      }
    } catch (IllegalArgumentException | CMMException e) {
      LOG.debug("ignoring a color profile", e);
    }
  }

  /** Most profiles are sRGB under one name or another; a conversion would only add rounding. */
  private static boolean isSrgb(ICC_Profile profile) {
    byte[] description = profile.getData(ICC_Profile.icSigProfileDescriptionTag);
    if (description == null) {
      return false;
    }
    String name = new String(description, StandardCharsets.ISO_8859_1).replace("\0", "");
    return name.contains("sRGB") && !name.contains("inear");
  }

  /** Rotates and mirrors according to the Exif orientation (Exif 2.3, tag 274). */
  private static BufferedImage upright(BufferedImage image, int orientation) {
    if (orientation == 1) {
      return image;
    }
    boolean swapped = orientation >= 5;
    int width = image.getWidth();
    int height = image.getHeight();
    int newWidth = swapped ? height : width;
    int newHeight = swapped ? width : height;
    int[] from = image.getRGB(0, 0, width, height, null, 0, width);
    int[] to = new int[from.length];
    for (int y = 0; y < newHeight; y++) {
      for (int x = 0; x < newWidth; x++) {
        int mirroredX = newWidth - 1 - x;
        int mirroredY = newHeight - 1 - y;
        int source =
            switch (orientation) {
              case 2 -> y * width + mirroredX;
              case 3 -> mirroredY * width + mirroredX;
              case 4 -> mirroredY * width + x;
              case 5 -> x * width + y;
              case 6 -> mirroredX * width + y;
              case 7 -> mirroredX * width + mirroredY;
              case 8 -> x * width + mirroredY;
              default -> throw new IllegalStateException("orientation " + orientation);
            };
        to[y * newWidth + x] = from[source];
      }
    }
    return image(to, newWidth, newHeight);
  }

  private static BufferedImage image(int[] pixels, int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, width, height, pixels, 0, width);
    return image;
  }
}
