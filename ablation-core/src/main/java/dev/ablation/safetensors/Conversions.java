package dev.ablation.safetensors;

import ai.djl.ndarray.types.DataType;
import java.nio.ByteBuffer;

/** Bulk conversions of numbers between the formats of files and those of arrays. */
final class Conversions {

  private Conversions() {}

  /**
   * Converts whole elements, from position to limit of {@code in}, into {@code out} at index 0.
   *
   * @param from format of {@code in}, little endian
   * @param in the input
   * @param to float32, or the array type of {@code from}
   * @param out the output, in native byte order
   */
  static void convert(Dtype from, ByteBuffer in, DataType to, ByteBuffer out) {
    if (to == DataType.FLOAT32) {
      toFloats(from, in, out);
      return;
    }
    int count = in.remaining() / from.bytes();
    switch (from) {
      case BOOL -> {
        for (int i = 0; i < count; i++) {
          out.put(i, (byte) (in.get(i) == 0 ? 0 : 1));
        }
      }
      case U8, I8 -> out.put(0, in, 0, count);
      case F16 -> {
        for (int i = 0; i < count; i++) {
          out.putShort(2 * i, in.getShort(2 * i));
        }
      }
      case I32 -> {
        for (int i = 0; i < count; i++) {
          out.putInt(4 * i, in.getInt(4 * i));
        }
      }
      case F64, I64 -> {
        for (int i = 0; i < count; i++) {
          out.putLong(8 * i, in.getLong(8 * i));
        }
      }
      default -> throw new IllegalArgumentException(from + " cannot become " + to);
    }
  }

  private static void toFloats(Dtype from, ByteBuffer in, ByteBuffer out) {
    int count = in.remaining() / from.bytes();
    switch (from) {
      case F32 -> {
        for (int i = 0; i < count; i++) {
          out.putInt(4 * i, in.getInt(4 * i));
        }
      }
      case F16 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, NarrowFloats.fromFloat16(in.getShort(2 * i)));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          out.putInt(4 * i, in.getShort(2 * i) << 16);
        }
      }
      case F64 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, (float) in.getDouble(8 * i));
        }
      }
      case F8_E4M3 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, NarrowFloats.fromFloat8E4m3(in.get(i)));
        }
      }
      case F8_E5M2 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, NarrowFloats.fromFloat8E5m2(in.get(i)));
        }
      }
      case BOOL -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, in.get(i) == 0 ? 0 : 1);
        }
      }
      case U8 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, in.get(i) & 0xff);
        }
      }
      case I8 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, in.get(i));
        }
      }
      case I16 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, in.getShort(2 * i));
        }
      }
      case U16 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, in.getShort(2 * i) & 0xffff);
        }
      }
      case I32 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, in.getInt(4 * i));
        }
      }
      case U32 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, (float) (in.getInt(4 * i) & 0xffffffffL));
        }
      }
      case I64 -> {
        for (int i = 0; i < count; i++) {
          out.putFloat(4 * i, (float) in.getLong(8 * i));
        }
      }
      default -> throw new IllegalArgumentException(from + " is not read as float32");
    }
  }
}
