package dev.ablation.fuzz;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.Inflater;
import java.util.zip.InflaterOutputStream;

/**
 * Damages the parts of PNG, JPEG and WebP files: chunks with sound check sums, compressed rows,
 * segments with sound lengths.
 */
public final class Images implements Mutator {
  private static final int PNG_SIGNATURE = 8;
  private static final int MOST_ROWS = 1 << 20;

  private final Bytes bytes = new Bytes();

  /** A chunk or a segment. */
  private record Part(String type, byte[] data) {}

  @Override
  public byte[] mutate(byte[] content, SplittableRandom random) {
    try {
      if (content.length < 12 || random.nextInt(4) == 0) {
        return bytes.mutate(content, random);
      }
      if (content[0] == (byte) 0x89) {
        return png(content, random);
      }
      return content[0] == 'R' ? webp(content, random) : jpeg(content, random);
    } catch (IOException | IndexOutOfBoundsException | IllegalArgumentException e) {
      return bytes.mutate(content, random);
    }
  }

  private void change(List<Part> parts, SplittableRandom random) {
    int at = random.nextInt(parts.size());
    Part part = parts.get(at);
    switch (random.nextInt(8)) {
      case 0 -> parts.remove(at);
      case 1 -> parts.add(random.nextInt(parts.size() + 1), part);
      case 2 -> {
        parts.remove(at);
        parts.add(random.nextInt(parts.size() + 1), part);
      }
      case 3 -> {
        String other = parts.get(random.nextInt(parts.size())).type;
        parts.set(at, new Part(other, part.data));
      }
      default -> parts.set(at, new Part(part.type, bytes.mutate(part.data, random)));
    }
  }

  private byte[] png(byte[] content, SplittableRandom random) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(content);
    List<Part> parts = new ArrayList<>();
    for (int at = PNG_SIGNATURE; at + 12 <= content.length; ) {
      int length = in.getInt(at);
      parts.add(new Part(text(content, at + 4), part(content, at + 8, at + 8 + length)));
      at += 12 + length;
    }
    for (int left = 1 + random.nextInt(2); left > 0 && !parts.isEmpty(); left--) {
      int at = random.nextInt(parts.size());
      if (parts.get(at).type.equals("IDAT") && random.nextBoolean()) {
        parts.set(
            at, new Part("IDAT", deflated(bytes.mutate(inflated(parts.get(at).data), random))));
      } else if (parts.get(0).data.length == 13 && random.nextInt(4) == 0) {
        byte[] header = parts.get(0).data.clone();
        header[4 * random.nextInt(2) + 3] = (byte) random.nextInt(40);
        header[8] = (byte) (1 << random.nextInt(6));
        header[9] = (byte) random.nextInt(7);
        header[12] = (byte) random.nextInt(2);
        parts.set(0, new Part("IHDR", header));
      } else {
        change(parts, random);
      }
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(content, 0, PNG_SIGNATURE);
    for (Part part : parts) {
      byte[] type = part.type.getBytes(StandardCharsets.ISO_8859_1);
      CRC32 crc = new CRC32();
      crc.update(type);
      crc.update(part.data);
      out.writeBytes(ByteBuffer.allocate(4).putInt(part.data.length).array());
      out.writeBytes(type);
      out.writeBytes(part.data);
      out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
    }
    return out.toByteArray();
  }

  private static byte[] inflated(byte[] data) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Inflater inflater = new Inflater();
    try (InflaterOutputStream inflating = new InflaterOutputStream(out, inflater)) {
      inflating.write(data);
    } finally {
      inflater.end();
    }
    return out.size() > MOST_ROWS ? new byte[0] : out.toByteArray();
  }

  private static byte[] deflated(byte[] rows) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Deflater deflater = new Deflater(1);
    try (DeflaterOutputStream deflating = new DeflaterOutputStream(out, deflater)) {
      deflating.write(rows);
    } finally {
      deflater.end();
    }
    return out.toByteArray();
  }

  private byte[] jpeg(byte[] content, SplittableRandom random) {
    ByteBuffer in = ByteBuffer.wrap(content);
    List<Part> parts = new ArrayList<>();
    int at = 2;
    while (at + 4 <= content.length) {
      String marker = String.valueOf((char) (content[at + 1] & 0xff));
      int end = at + 2 + (in.getShort(at + 2) & 0xffff);
      parts.add(new Part(marker, part(content, at + 4, end)));
      at = end;
      if (marker.charAt(0) == 0xda) {
        break;
      }
    }
    byte[] scan = part(content, at, content.length);
    if (random.nextInt(3) == 0) {
      scan = bytes.mutate(scan, random);
    } else {
      change(parts, random);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(content, 0, 2);
    for (Part part : parts) {
      out.write(0xff);
      out.write(part.type.charAt(0));
      out.writeBytes(ByteBuffer.allocate(2).putShort((short) (part.data.length + 2)).array());
      out.writeBytes(part.data);
    }
    out.writeBytes(scan);
    return out.toByteArray();
  }

  private byte[] webp(byte[] content, SplittableRandom random) {
    ByteBuffer in = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    List<Part> parts = new ArrayList<>();
    for (int at = 12; at + 8 <= content.length; ) {
      int length = in.getInt(at + 4);
      parts.add(new Part(text(content, at), part(content, at + 8, at + 8 + length)));
      at += 8 + length + (length & 1);
    }
    change(parts, random);
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (Part part : parts) {
      body.writeBytes(part.type.getBytes(StandardCharsets.ISO_8859_1));
      body.writeBytes(
          ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(part.data.length).array());
      body.writeBytes(part.data);
      if (part.data.length % 2 == 1) {
        body.write(0);
      }
    }
    byte[] chunks = body.toByteArray();
    ByteBuffer file = ByteBuffer.allocate(12 + chunks.length).order(ByteOrder.LITTLE_ENDIAN);
    file.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(4 + chunks.length);
    return file.put("WEBP".getBytes(StandardCharsets.US_ASCII)).put(chunks).array();
  }

  private static byte[] part(byte[] bytes, int begin, int end) {
    Objects.checkFromToIndex(begin, end, bytes.length);
    return Arrays.copyOfRange(bytes, begin, end);
  }

  private static String text(byte[] bytes, int at) {
    return new String(bytes, at, 4, StandardCharsets.ISO_8859_1);
  }
}
