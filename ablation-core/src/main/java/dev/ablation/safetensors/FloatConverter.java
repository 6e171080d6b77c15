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
    converted.clear();
    for (int i = 0; i < count; i++) {
      put(get(i));
    }
    converted.flip();
    while (converted.hasRemaining()) {
      out.write(converted);
    }
    pending.clear();
  }

  private float get(int index) {
    return switch (from) {
      case F64 -> {
        double value = pending.getDouble(8 * index);
        yield checked(Double.isInfinite(value), (float) value);
      }
      case F32 -> pending.getFloat(4 * index);
      case F16 -> NarrowFloats.fromFloat16(pending.getShort(2 * index));
      case BF16 -> NarrowFloats.fromBfloat16(pending.getShort(2 * index));
      default -> throw new IllegalStateException("no conversion from " + from);
    };
  }

  private void put(float value) {
    switch (to) {
      case F32 -> converted.putFloat(value);
      case F16 -> {
        short half = NarrowFloats.toFloat16(value);
        checked(Float.isInfinite(value), NarrowFloats.fromFloat16(half));
        converted.putShort(half);
      }
      case BF16 -> {
        short bits = NarrowFloats.toBfloat16(value);
        checked(Float.isInfinite(value), NarrowFloats.fromBfloat16(bits));
        converted.putShort(bits);
      }
      default -> throw new IllegalStateException("no conversion to " + to);
    }
  }

  /** A model with silent infinities is worse than none. */
  private float checked(boolean wasInfinite, float now) {
    if (Float.isInfinite(now) && !wasInfinite) {
      throw new ArithmeticException(
          "'" + name + "' holds a finite number that is too large for " + to);
    }
    return now;
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
