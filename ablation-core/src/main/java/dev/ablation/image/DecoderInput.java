package dev.ablation.image;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.ImageInputStreamImpl;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * What an image reader gets to see of a file: only what the pixels depend on. Readers reject sound
 * images for metadata that they cannot parse, and guess the color space of JPEG images from hints
 * that mean something else; here the file's metadata is left out and the color space is stated.
 *
 * @param bytes an image file in the same format, without metadata
 * @param bytesPerPixel memory of a decoded pixel
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record DecoderInput(byte[] bytes, int bytesPerPixel) {
  /** More progressive scans than any encoder writes; each of them costs a pass over the image. */
  private static final int MOST_SCANS = 100;

  private static final int PNG_SIGNATURE = 8;
  private static final int INDEXED = 3;
  private static final byte[] RGB = {'R', 'G', 'B'};

  /** Bytes that the WebP reader may fetch ahead of what it uses. */
  private static final int READ_AHEAD = 16;

  /**
   * Prepares a file for its reader.
   *
   * @param file a file that {@link ImageContainer#of} accepts
   * @param format its format
   */
  static DecoderInput of(byte[] file, ImageContainer.Format format) throws IOException {
    return switch (format) {
      case PNG -> png(file);
      case JPEG -> jpeg(file);
      case WEBP -> webp(file);
    };
  }

  /**
   * {@return a stream over the bytes} That of a WebP image fails where it is read beyond its end:
   * the reader takes a normal end for zeros and continues for minutes.
   */
  ImageInputStream open() {
    return bytes[0] == 'R'
        ? new EndingStream(bytes)
        : new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes));
  }

  private static DecoderInput png(byte[] file) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(file);
    if (!type(file, PNG_SIGNATURE).equals("IHDR") || buffer.getInt(PNG_SIGNATURE) != 13) {
      throw new IOException("the PNG image is damaged: it must begin with the chunk IHDR");
    }
    int depth = file[24];
    int color = file[25];
    int paletteSize = 0;
    boolean transparency = false;
    boolean data = false;
    ByteArrayOutputStream kept = new ByteArrayOutputStream(file.length);
    kept.write(file, 0, PNG_SIGNATURE);
    for (int at = PNG_SIGNATURE; ; ) {
      int length = buffer.getInt(at);
      String type = type(file, at);
      boolean keep =
          switch (type) {
            case "IHDR", "IDAT", "IEND" -> true;
            case "PLTE" -> color == INDEXED; // otherwise only a suggestion
            case "tRNS" ->
                !transparency && !data && length == transparentBytes(color, length, paletteSize);
            default -> {
              if (Character.isUpperCase(type.charAt(0))) {
                throw new IOException("the PNG image has an unknown critical chunk, " + type);
              }
              yield false;
            }
          };
      if (keep) {
        kept.write(file, at, length + 12);
      }
      paletteSize = type.equals("PLTE") ? length / 3 : paletteSize;
      transparency |= keep && type.equals("tRNS");
      data |= type.equals("IDAT");
      if (type.equals("IEND")) {
        return new DecoderInput(
            kept.toByteArray(), (depth == 16 ? 2 : 1) * channels(color, transparency));
      }
      at += length + 12;
    }
  }

  /** The length that tRNS must have; -1 where there is none, so that the chunk is left out. */
  private static int transparentBytes(int color, int length, int paletteSize) {
    return switch (color) {
      case 0 -> 2;
      case 2 -> 6;
      case INDEXED -> length > 0 && length <= paletteSize ? length : -1;
      default -> -1;
    };
  }

  private static int channels(int color, boolean transparency) {
    return switch (color) {
      case 0, INDEXED -> transparency ? 2 : 1;
      case 4 -> 2;
      default -> 4;
    };
  }

  /**
   * Leaves out application and comment segments, and states the color space as libjpeg determines
   * it: YCbCr if there is a JFIF marker; else what an Adobe marker says; else RGB for the component
   * ids R, G, B, and YCbCr for any others.
   */
  private static DecoderInput jpeg(byte[] file) throws IOException {
    ByteArrayOutputStream tables = new ByteArrayOutputStream(file.length);
    boolean jfif = false;
    int adobe = -1;
    byte[] ids = {};
    int at = 2;
    while (true) {
      int marker = file[at + 1] & 0xff;
      if (marker == 0xff) {
        at++;
        continue;
      }
      int end = at + 2 + unsignedShort(file, at + 2);
      int data = at + 4;
      if (marker == 0xda) {
        break;
      }
      if (marker == 0xe0 && end - data >= 14 && startsWith(file, data, "JFIF\0")) {
        jfif = true;
      } else if (marker == 0xee && end - data >= 12 && startsWith(file, data, "Adobe")) {
        adobe = file[data + 11];
      } else if (ImageContainer.isFrame(marker)) {
        ids = componentIds(file, data, end);
      }
      boolean metadata = (marker >= 0xe0 && marker <= 0xef) || marker == 0xfe;
      if (!metadata) {
        tables.write(file, at, end - at);
      }
      at = end;
    }
    checkScans(file, at);
    ByteArrayOutputStream out = new ByteArrayOutputStream(file.length);
    out.write(file, 0, 2);
    if (ids.length == 3) {
      boolean rgb = !jfif && (adobe >= 0 ? adobe == 0 : Arrays.equals(ids, RGB));
      out.writeBytes(adobeSegment(rgb ? 0 : 1));
    }
    tables.writeTo(out);
    out.write(file, at, file.length - at);
    return new DecoderInput(out.toByteArray(), Math.max(1, ids.length));
  }

  private static byte[] componentIds(byte[] file, int data, int end) throws IOException {
    byte[] ids = new byte[file[data + 5] & 0xff];
    if (data + 6 + 3 * ids.length > end) {
      throw new IOException("the JPEG image is damaged at byte " + data);
    }
    for (int i = 0; i < ids.length; i++) {
      ids[i] = file[data + 6 + 3 * i];
    }
    return ids;
  }

  private static void checkScans(byte[] file, int start) throws IOException {
    int scans = 0;
    for (int i = start; i + 1 < file.length; i++) {
      int second = file[i] == (byte) 0xff ? file[i + 1] & 0xff : 0;
      if (second == 0xd9) {
        break;
      }
      scans += second == 0xda ? 1 : 0;
    }
    if (scans > MOST_SCANS) {
      throw new IOException("must have at most %d scans, but has %d".formatted(MOST_SCANS, scans));
    }
  }

  /** Version 100, no flags. */
  private static byte[] adobeSegment(int transform) {
    return new byte[] {
      (byte) 0xff, (byte) 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, (byte) transform
    };
  }

  /** Only lossless data, followed by zeros that the reader may fetch but not need. */
  private static DecoderInput webp(byte[] file) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    long size = Integer.toUnsignedLong(buffer.getInt(4)) + 8;
    long canvas = -1;
    for (long at = 12; at + 8 <= size; ) {
      int chunk = (int) at;
      long length = Integer.toUnsignedLong(buffer.getInt(chunk + 4));
      switch (ImageContainer.text(file, chunk)) {
        case "VP8X" -> {
          if (length < 10) {
            throw new IOException("the WebP image is damaged in chunk VP8X");
          }
          canvas = canvas(file, chunk + 8);
        }
        case "VP8 ", "ALPH" ->
            throw new IOException(
                "must be a lossless WebP image, but is lossy: convert it to PNG first");
        case "VP8L" -> {
          return lossless(buffer, chunk, (int) length, canvas);
        }
        default -> {}
      }
      at += 8 + length + (length & 1);
    }
    throw new IOException("the WebP image has no pixels");
  }

  private static DecoderInput lossless(ByteBuffer file, int chunk, int length, long canvas)
      throws IOException {
    int data = chunk + 8;
    if (length < 5 || file.get(data) != 0x2f || file.get(data + 4) >>> 5 != 0) {
      throw new IOException("the WebP image is damaged in chunk VP8L");
    }
    int bits = file.getInt(data + 1);
    long size = ((bits & 0x3fffL) + 1) << 32 | (((bits >>> 14) & 0x3fff) + 1);
    if (canvas >= 0 && canvas != size) {
      throw new IOException("the WebP image is damaged: two different sizes are stated");
    }
    int padded = length + (length & 1);
    ByteBuffer out = ByteBuffer.allocate(20 + padded + READ_AHEAD).order(ByteOrder.LITTLE_ENDIAN);
    out.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(12 + padded);
    out.put("WEBPVP8L".getBytes(StandardCharsets.US_ASCII)).putInt(length);
    out.put(file.slice(data, length));
    return new DecoderInput(out.array(), 8);
  }

  /** Width and height of the chunk VP8X, as one number. */
  private static long canvas(byte[] file, int data) {
    return (threeBytes(file, data + 4) + 1L) << 32 | (threeBytes(file, data + 7) + 1);
  }

  private static int threeBytes(byte[] file, int at) {
    return (file[at] & 0xff) | (file[at + 1] & 0xff) << 8 | (file[at + 2] & 0xff) << 16;
  }

  private static int unsignedShort(byte[] file, int at) {
    return (file[at] & 0xff) << 8 | (file[at + 1] & 0xff);
  }

  private static boolean startsWith(byte[] file, int at, String prefix) {
    return new String(file, at, prefix.length(), StandardCharsets.ISO_8859_1).equals(prefix);
  }

  private static String type(byte[] file, int chunk) {
    return ImageContainer.text(file, chunk + 4);
  }

  private static final class EndingStream extends ImageInputStreamImpl {
    private final byte[] bytes;

    EndingStream(byte[] bytes) {
      this.bytes = bytes;
    }

    @Override
    public int read() {
      bitOffset = 0;
      checkEnd();
      return bytes[(int) streamPos++] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
      bitOffset = 0;
      if (length == 0) {
        return 0;
      }
      checkEnd();
      int count = (int) Math.min(length, bytes.length - streamPos);
      System.arraycopy(bytes, (int) streamPos, target, offset, count);
      streamPos += count;
      return count;
    }

    @Override
    public long length() {
      return bytes.length;
    }

    /** Unchecked: the reader ignores an IOException here. */
    private void checkEnd() {
      if (streamPos >= bytes.length) {
        throw new UncheckedIOException(new EOFException("the data ends too early"));
      }
    }
  }
}
