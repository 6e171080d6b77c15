package dev.ablation.safetensors;

import ai.djl.ndarray.types.DataType;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The number formats of safetensors, under their names in files. The order is that of the reference
 * implementation; a writer sorts by it, last first, so that wide numbers come first and every
 * tensor is aligned.
 */
public enum Dtype {
  /** Boolean, one byte. */
  BOOL(8, DataType.BOOLEAN, true),
  /** Four-bit float, two in a byte. */
  F4(4, null, false),
  /** Six-bit float, 2 bits of exponent. */
  F6_E2M3(6, null, false),
  /** Six-bit float, 3 bits of exponent. */
  F6_E3M2(6, null, false),
  /** Unsigned 8-bit integer. */
  U8(8, DataType.UINT8, true),
  /** Signed 8-bit integer. */
  I8(8, DataType.INT8, true),
  /** Eight-bit float, 5 bits of exponent, with infinities. */
  F8_E5M2(8, null, true),
  /** Eight-bit float, 4 bits of exponent, without infinities, largest 448. */
  F8_E4M3(8, null, true),
  /** Eight bits of exponent alone: a power of two. */
  F8_E8M0(8, null, false),
  /** As {@link #F8_E4M3}, with one zero and another bias. */
  F8_E4M3FNUZ(8, null, false),
  /** As {@link #F8_E5M2}, with one zero, no infinities and another bias. */
  F8_E5M2FNUZ(8, null, false),
  /** Signed 16-bit integer. */
  I16(16, null, true),
  /** Unsigned 16-bit integer. */
  U16(16, null, true),
  /** IEEE 754 binary16. */
  F16(16, DataType.FLOAT16, true),
  /** The upper half of a binary32. */
  BF16(16, null, true),
  /** Signed 32-bit integer. */
  I32(32, DataType.INT32, true),
  /** Unsigned 32-bit integer. */
  U32(32, null, true),
  /** IEEE 754 binary32. */
  F32(32, DataType.FLOAT32, true),
  /** Complex number of two binary32. */
  C64(64, null, false),
  /** IEEE 754 binary64. */
  F64(64, DataType.FLOAT64, true),
  /** Signed 64-bit integer. */
  I64(64, DataType.INT64, true),
  /** Unsigned 64-bit integer. */
  U64(64, null, false);

  private final int bits;
  private final @Nullable DataType arrayType;
  private final boolean widens;

  Dtype(int bits, @Nullable DataType arrayType, boolean widens) {
    this.bits = bits;
    this.arrayType = arrayType;
    this.widens = widens;
  }

  /** {@return the bits of one element: 4, 6, 8, 16, 32 or 64} */
  public int bits() {
    return bits;
  }

  /**
   * Returns the type of arrays that hold these numbers as they are.
   *
   * @return the type, or nothing if arrays cannot hold them: notably {@link #BF16}, {@link #I16}
   *     and the eight-bit floats, which DJL 0.35 does not pass on to its PyTorch engine
   */
  public Optional<DataType> arrayType() {
    return Optional.ofNullable(arrayType);
  }

  /** {@return whether {@link SafetensorsFile#readFloat32} reads these numbers} */
  public boolean isReadableAsFloat32() {
    return widens;
  }

  /** {@return whether this is one of the four formats that a writer converts between} */
  boolean isConvertibleFloat() {
    return this == F16 || this == BF16 || this == F32 || this == F64;
  }

  /** {@return the bytes of one element; only for formats of whole bytes} */
  int bytes() {
    return bits / 8;
  }

  static @Nullable Dtype byName(String name) {
    for (Dtype dtype : values()) {
      if (dtype.name().equals(name)) {
        return dtype;
      }
    }
    return null;
  }

  static @Nullable Dtype ofArray(DataType type) {
    for (Dtype dtype : values()) {
      if (dtype.arrayType == type) {
        return dtype;
      }
    }
    return null;
  }
}
