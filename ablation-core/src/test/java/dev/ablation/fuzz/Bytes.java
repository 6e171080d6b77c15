package dev.ablation.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Damage that suits any file: bytes, ranges and numbers. */
public final class Bytes implements Mutator {
  private static final long[] NUMBERS = {
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    32767,
    65535,
    65536,
    1 << 20,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    1L << 32,
    Long.MAX_VALUE,
    Long.MIN_VALUE
  };

  private static final int LARGEST = 1 << 16;

  @Override
  public byte[] mutate(byte[] content, SplittableRandom random) {
    byte[] bytes = content;
    for (int left = 1 + random.nextInt(3); left > 0; left--) {
      bytes = once(bytes, random);
    }
    return bytes;
  }

  private static byte[] once(byte[] content, SplittableRandom random) {
    if (content.length == 0) {
      return new byte[] {(byte) random.nextInt(256)};
    }
    byte[] bytes = content.clone();
    int at = random.nextInt(bytes.length);
    switch (random.nextInt(9)) {
      case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> bytes[at] = (byte) random.nextInt(256);
      case 2 -> {
        return Arrays.copyOf(bytes, at);
      }
      case 3 -> {
        return replaced(bytes, at, at + random.nextInt(bytes.length - at + 1), new byte[0]);
      }
      case 4 -> {
        byte[] part = Arrays.copyOfRange(bytes, at, at + random.nextInt(bytes.length - at + 1));
        int to = random.nextInt(bytes.length);
        return bytes.length + part.length > LARGEST ? bytes : replaced(bytes, to, to, part);
      }
      case 5 -> {
        byte[] part = new byte[1 + random.nextInt(16)];
        for (int i = 0; i < part.length; i++) {
          part[i] = (byte) random.nextInt(256);
        }
        return replaced(bytes, at, at, part);
      }
      case 6 -> number(bytes, at, random);
      case 7 -> {
        return digits(bytes, at, random);
      }
      default -> {
        int end = Math.min(bytes.length, at + 1 + random.nextInt(64));
        Arrays.fill(bytes, at, end, (byte) (random.nextBoolean() ? 0 : 0xff));
      }
    }
    return bytes;
  }

  private static void number(byte[] bytes, int at, SplittableRandom random) {
    int size = 1 << (1 + random.nextInt(3));
    if (at + size > bytes.length) {
      return;
    }
    long number = NUMBERS[random.nextInt(NUMBERS.length)] + random.nextInt(3) - 1;
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    buffer.order(random.nextBoolean() ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    switch (size) {
      case 2 -> buffer.putShort(at, (short) number);
      case 4 -> buffer.putInt(at, (int) number);
      default -> buffer.putLong(at, number);
    }
  }

  /** Replaces a number that is written in digits, if one follows. */
  private static byte[] digits(byte[] bytes, int from, SplittableRandom random) {
    int begin = from;
    while (begin < bytes.length && !(bytes[begin] >= '0' && bytes[begin] <= '9')) {
      begin++;
    }
    int end = begin;
    while (end < bytes.length && bytes[end] >= '0' && bytes[end] <= '9') {
      end++;
    }
    return replaced(
        bytes, begin, end, Json.number(random).toString().getBytes(StandardCharsets.UTF_8));
  }

  static byte[] replaced(byte[] bytes, int begin, int end, byte[] part) {
    byte[] result = new byte[bytes.length - (end - begin) + part.length];
    System.arraycopy(bytes, 0, result, 0, begin);
    System.arraycopy(part, 0, result, begin, part.length);
    System.arraycopy(bytes, end, result, begin + part.length, bytes.length - end);
    return result;
  }
}
