package dev.ablation.image;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.InflaterInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The metadata of an image file: its format, the orientation of the camera and the color space.
 * Image readers disagree on these, so they are read here.
 *
 * @param format the file's format
 * @param orientation Exif orientation, 1 to 8; 1 is upright
 * @param profile ICC profile; {@code null} without one
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record ImageContainer(Format format, int orientation, byte @Nullable [] profile) {
  /** The supported formats. */
  enum Format {
    PNG("png"),
    JPEG("jpeg"),
    WEBP("webp");

    private final String readerName;

    Format(String readerName) {
      this.readerName = readerName;
    }

    /** The name of Java's image reader. */
    String readerName() {
      return readerName;
    }
  }

  private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  private static final byte[] EXIF = {'E', 'x', 'i', 'f', 0, 0};
  private static final byte[] ICC = "ICC_PROFILE\0".getBytes(StandardCharsets.US_ASCII);
  private static final int ORIENTATION_TAG = 0x0112;
  private static final int SHORT = 3;

  /** Larger profiles are invalid: real ones have a few kilobytes, those of printers a megabyte. */
  private static final int MOST_PROFILE_BYTES = 1 << 24;

  static ImageContainer of(byte[] bytes) throws IOException {
    if (startsWith(bytes, 0, PNG)) {
      return png(bytes);
    }
    if (bytes.length > 2 && (bytes[0] & 0xff) == 0xff && (bytes[1] & 0xff) == 0xd8) {
      return jpeg(bytes);
    }
    if (text(bytes, 0).equals("RIFF") && text(bytes, 8).equals("WEBP")) {
      return webp(bytes);
    }
    throw new IOException(
        bytes.length == 0 ? "the file is empty" : "must be a PNG, JPEG or WebP image");
  }

  private static ImageContainer png(byte[] bytes) throws IOException {
    int orientation = 1;
    byte[] profile = null;
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    int at = PNG.length;
    while (true) {
      long length = at + 12 <= bytes.length ? buffer.getInt(at) : -1;
      if (length < 0 || at + 12 + length > bytes.length) {
        throw new IOException("the PNG image is truncated");
      }
      int data = at + 8;
      int end = data + (int) length;
      CRC32 crc = new CRC32();
      crc.update(bytes, at + 4, end - at - 4);
      String type = text(bytes, at + 4);
      boolean damaged = (int) crc.getValue() != buffer.getInt(end);
      if (damaged && Character.isUpperCase(type.charAt(0))) {
        throw new IOException("the PNG image is damaged in chunk " + type);
      }
      // Pixels do not depend on the other chunks: if damaged, they count as absent.
      switch (damaged ? "" : type) {
        case "eXIf" -> orientation = orientation(bytes, data, end);
        case "iCCP" -> profile = inflatedProfile(bytes, data, end);
        case "IEND" -> {
          return new ImageContainer(Format.PNG, orientation, profile);
        }
        default -> {}
      }
      at = end + 4;
    }
  }

  /** A name that ends with zero, the compression method (there is only one), the profile. */
  private static byte @Nullable [] inflatedProfile(byte[] bytes, int start, int end) {
    int name = start;
    while (name < end && bytes[name] != 0) {
      name++;
    }
    if (name + 2 > end) {
      return null;
    }
    ByteArrayInputStream in = new ByteArrayInputStream(bytes, name + 2, end - name - 2);
    try (InputStream inflated = new InflaterInputStream(in)) {
      byte[] profile = inflated.readNBytes(MOST_PROFILE_BYTES);
      return profile.length == MOST_PROFILE_BYTES ? null : profile;
    } catch (IOException e) {
      return null; // ignore a damaged profile, as browsers do
    }
  }

  private static ImageContainer jpeg(byte[] bytes) throws IOException {
    int orientation = 1;
    Map<Integer, byte[]> profile = new TreeMap<>();
    int at = 2;
    while (at + 4 <= bytes.length) {
      if ((bytes[at] & 0xff) != 0xff) {
        throw new IOException("the JPEG image is damaged at byte " + at);
      }
      int marker = bytes[at + 1] & 0xff;
      if (marker == 0xff) {
        at++;
        continue;
      }
      int data = at + 4;
      int end = at + 2 + ((bytes[at + 2] & 0xff) << 8 | (bytes[at + 3] & 0xff));
      if (end > bytes.length) {
        break;
      }
      if (marker == 0xda) {
        if (!hasEnd(bytes, end)) {
          break;
        }
        return new ImageContainer(Format.JPEG, orientation, joined(profile));
      }
      if (isFrame(marker)) {
        checkFrame(bytes, data, end);
      } else if (marker == 0xe1 && startsWith(bytes, data, EXIF)) {
        orientation = orientation(bytes, data + EXIF.length, end);
      } else if (marker == 0xe2 && startsWith(bytes, data, ICC) && end - data > ICC.length + 2) {
        byte[] part = new byte[end - data - ICC.length - 2];
        System.arraycopy(bytes, data + ICC.length + 2, part, 0, part.length);
        profile.put(bytes[data + ICC.length] & 0xff, part);
      }
      at = end;
    }
    throw new IOException("the JPEG image is truncated");
  }

  /**
   * Whether a marker starts a frame; the three other markers of the range are tables and an
   * extension.
   */
  static boolean isFrame(int marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
  }

  private static void checkFrame(byte[] bytes, int data, int end) throws IOException {
    if (end - data < 6) {
      throw new IOException("the JPEG image is damaged at byte " + data);
    }
    int bits = bytes[data] & 0xff;
    int components = bytes[data + 5] & 0xff;
    if (components != 1 && components != 3) {
      throw new IOException(
          components == 4
              ? "must be an RGB or grayscale image, but is CMYK: convert it to RGB first"
              : "must have 1 or 3 color components, but has " + components);
    }
    if (bits != 8) {
      throw new IOException("must have 8 bits per color component, but has " + bits);
    }
  }

  /** Looks for the end marker; pixel data escape bytes that look like it. */
  private static boolean hasEnd(byte[] bytes, int start) {
    for (int i = bytes.length - 2; i >= start; i--) {
      if ((bytes[i] & 0xff) == 0xff && (bytes[i + 1] & 0xff) == 0xd9) {
        return true;
      }
    }
    return false;
  }

  private static byte @Nullable [] joined(Map<Integer, byte[]> parts) {
    if (parts.isEmpty()) {
      return null;
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    parts.values().forEach(all::writeBytes);
    return all.toByteArray();
  }

  private static ImageContainer webp(byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long size = Integer.toUnsignedLong(buffer.getInt(4)) + 8;
    if (size > bytes.length) {
      throw new IOException("the WebP image is truncated");
    }
    int orientation = 1;
    byte[] profile = null;
    long at = 12;
    while (at + 8 <= size) {
      int data = (int) at + 8;
      long end = data + Integer.toUnsignedLong(buffer.getInt((int) at + 4));
      if (end > size) {
        throw new IOException("the WebP image is damaged at byte " + at);
      }
      switch (text(bytes, (int) at)) {
        case "ANIM" ->
            throw new IOException("must be a single image, but is an animation: extract one frame");
        case "ICCP" -> {
          profile = new byte[(int) end - data];
          System.arraycopy(bytes, data, profile, 0, profile.length);
        }
        case "EXIF" ->
            orientation =
                orientation(
                    bytes, startsWith(bytes, data, EXIF) ? data + EXIF.length : data, (int) end);
        default -> {}
      }
      at = end + (end & 1);
    }
    return new ImageContainer(Format.WEBP, orientation, profile);
  }

  /** The orientation in a TIFF directory; upright if it is missing or invalid. */
  private static int orientation(byte[] bytes, int start, int end) {
    if (end - start < 8) {
      return 1;
    }
    ByteBuffer tiff = ByteBuffer.wrap(bytes, start, end - start).slice();
    tiff.order(bytes[start] == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    long directory = Integer.toUnsignedLong(tiff.getInt(4));
    if (directory + 2 > tiff.limit()) {
      return 1;
    }
    int entries = Short.toUnsignedInt(tiff.getShort((int) directory));
    for (int i = 0; i < entries; i++) {
      long entry = directory + 2 + 12L * i;
      if (entry + 12 > tiff.limit()) {
        return 1;
      }
      int at = (int) entry;
      if (Short.toUnsignedInt(tiff.getShort(at)) == ORIENTATION_TAG
          && tiff.getShort(at + 2) == SHORT) {
        int value = Short.toUnsignedInt(tiff.getShort(at + 8));
        return value >= 1 && value <= 8 ? value : 1;
      }
    }
    return 1;
  }

  private static boolean startsWith(byte[] bytes, int at, byte[] prefix) {
    if (at + prefix.length > bytes.length) {
      return false;
    }
    for (int i = 0; i < prefix.length; i++) {
      if (bytes[at + i] != prefix[i]) {
        return false;
      }
    }
    return true;
  }

  /** Four letters; empty at the end of the file. */
  static String text(byte[] bytes, int at) {
    return at + 4 > bytes.length ? "" : new String(bytes, at, 4, StandardCharsets.ISO_8859_1);
  }
}
