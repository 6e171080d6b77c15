package dev.ablation.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/** Turns a stream of floats of one format into another on their way to a file. */
final class FloatConverter implements WritableByteChannel {

  private static final int PIECE_ELEMENTS = 64 << 10;

  private final String name;
  private final Dtype from;
  private final Dtype to;
  private final WritableByteChannel out;
  private final ByteBuffer pending;
  private final ByteBuffer converted;
  private final float[] floats = new float[PIECE_ELEMENTS];

  FloatConverter(String name, Dtype from, Dtype to, WritableByteChannel out) {
    this.name = name;
    this.from = from;
    this.to = to;
    this.out = out;
    this.pending =
        ByteBuffer.allocate(PIECE_ELEMENTS * from.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    this.converted =
        ByteBuffer.allocate(PIECE_ELEMENTS * to.bytes()).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public int write(ByteBuffer bytes) throws IOException {
    int count = bytes.remaining();
    while (bytes.hasRemaining()) {
      int step = Math.min(bytes.remaining(), pending.remaining());
      pending.put(pending.position(), bytes, bytes.position(), step);
      pending.position(pending.position() + step);
      bytes.position(bytes.position() + step);
      if (!pending.hasRemaining()) {
        flush();
      }
    }
    return count;
  }

  /** Writes what was not yet written; a cut element at the end is dropped. */
  void flush() throws IOException {
    int count = pending.position() / from.bytes();
    pending.flip();
    decode(count);
    converted.clear().limit(count * to.bytes());
    encode(count);
    while (converted.hasRemaining()) {
      out.write(converted);
    }
    pending.clear();
  }

  private void decode(int count) {
    switch (from) {
      case F64 -> {
        for (int i = 0; i < count; i++) {
          double value = pending.getDouble(8 * i);
          floats[i] = (float) value;
          if (Float.isInfinite(floats[i]) && !Double.isInfinite(value)) {
            throw tooLarge(value);
          }
        }
      }
      case F32 -> pending.asFloatBuffer().get(floats, 0, count);
      case F16 -> {
        for (int i = 0; i < count; i++) {
          floats[i] = NarrowFloats.fromFloat16(pending.getShort(2 * i));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          floats[i] = NarrowFloats.fromBfloat16(pending.getShort(2 * i));
        }
      }
      default -> throw new IllegalStateException("no conversion from " + from);
    }
  }

  private void encode(int count) {
    switch (to) {
      case F32 -> converted.asFloatBuffer().put(floats, 0, count);
      case F16 -> {
        for (int i = 0; i < count; i++) {
          short half = NarrowFloats.toFloat16(floats[i]);
          if ((half & 0x7fff) == 0x7c00 && !Float.isInfinite(floats[i])) {
            throw tooLarge(floats[i]);
          }
          converted.putShort(2 * i, half);
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          short bits = NarrowFloats.toBfloat16(floats[i]);
          if ((bits & 0x7fff) == 0x7f80 && !Float.isInfinite(floats[i])) {
            throw tooLarge(floats[i]);
          }
          converted.putShort(2 * i, bits);
        }
      }
      default -> throw new IllegalStateException("no conversion to " + to);
    }
  }

  /** A model with silent infinities is worse than none. */
  private ArithmeticException tooLarge(double value) {
    return new ArithmeticException(
        "numbers of '" + name + "' must fit " + to + " to be stored as such, one was " + value);
  }

  @Override
  public boolean isOpen() {
    return out.isOpen();
  }

  @Override
  public void close() {
    // The file is closed by the one who opened it.
  }
}
