package dev.ablation.emoji.dataset.rebuild;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * Writes PNG files of red, green and blue, as small as zlib makes them and without a time or a
 * comment: the same pixels make the same bytes.
 */
final class PngFile {
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  private static final int FILTERS = 5;
  private static final int CHANNELS = 3;

  private PngFile() {}

  /**
   * Encodes an image.
   *
   * @param rgb rows from the top, pixels from the left, red, green, blue
   * @param width in pixels
   * @param height in pixels
   * @return the content of a file
   */
  static byte[] encode(byte[] rgb, int width, int height) {
    if (rgb.length != CHANNELS * width * height) {
      throw new IllegalArgumentException(
          "rgb must have %d bytes, has %d".formatted(CHANNELS * width * height, rgb.length));
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(SIGNATURE);
    // 8 bits a channel, colour type 2, deflate, adaptive filters, not interlaced.
    byte[] header =
        ByteBuffer.allocate(13)
            .putInt(width)
            .putInt(height)
            .put(new byte[] {8, 2, 0, 0, 0})
            .array();
    chunk(out, "IHDR", header);
    chunk(out, "IDAT", deflate(filter(rgb, CHANNELS * width)));
    chunk(out, "IEND", new byte[0]);
    return out.toByteArray();
  }

  private static void chunk(ByteArrayOutputStream out, String type, byte[] content) {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 sum = new CRC32();
    sum.update(name);
    sum.update(content);
    out.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(content.length).array());
    out.writeBytes(name);
    out.writeBytes(content);
    out.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt((int) sum.getValue()).array());
  }

  /** Gives each row the filter with the smallest sum of absolute values (PNG 1.2, 9.6). */
  private static byte[] filter(byte[] rgb, int rowBytes) {
    int rows = rgb.length / rowBytes;
    ByteBuffer filtered = ByteBuffer.allocate(rgb.length + rows);
    for (int row = 0; row < rows; row++) {
      byte[] best = null;
      int bestFilter = 0;
      long smallest = Long.MAX_VALUE;
      for (int filter = 0; filter < FILTERS; filter++) {
        byte[] candidate = filterRow(rgb, row, rowBytes, filter);
        long sum = 0;
        for (byte value : candidate) {
          sum += Math.abs(value);
        }
        if (best == null || sum < smallest) {
          best = candidate;
          bestFilter = filter;
          smallest = sum;
        }
      }
      filtered.put((byte) bestFilter).put(best);
    }
    return filtered.array();
  }

  private static byte[] filterRow(byte[] rgb, int row, int rowBytes, int filter) {
    byte[] result = new byte[rowBytes];
    int start = row * rowBytes;
    for (int i = 0; i < rowBytes; i++) {
      int left = i < CHANNELS ? 0 : rgb[start + i - CHANNELS] & 0xff;
      int above = row == 0 ? 0 : rgb[start + i - rowBytes] & 0xff;
      int corner = row == 0 || i < CHANNELS ? 0 : rgb[start + i - rowBytes - CHANNELS] & 0xff;
      int predicted =
          switch (filter) {
            case 0 -> 0;
            case 1 -> left;
            case 2 -> above;
            case 3 -> (left + above) / 2;
            default -> paeth(left, above, corner);
          };
      result[i] = (byte) (rgb[start + i] - predicted);
    }
    return result;
  }

  private static int paeth(int left, int above, int corner) {
    int estimate = left + above - corner;
    int toLeft = Math.abs(estimate - left);
    int toAbove = Math.abs(estimate - above);
    int toCorner = Math.abs(estimate - corner);
    if (toLeft <= toAbove && toLeft <= toCorner) {
      return left;
    }
    return toAbove <= toCorner ? above : corner;
  }

  private static byte[] deflate(byte[] content) {
    Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION);
    try {
      deflater.setInput(content);
      deflater.finish();
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      byte[] buffer = new byte[1 << 16];
      while (!deflater.finished()) {
        out.write(buffer, 0, deflater.deflate(buffer));
      }
      return out.toByteArray();
    } finally {
      deflater.end();
    }
  }
}
