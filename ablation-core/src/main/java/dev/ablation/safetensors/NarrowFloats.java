package dev.ablation.safetensors;

/**
 * Conversions between float32 and the narrow floats of checkpoints. Widening is exact. Narrowing
 * rounds to the nearest value, ties to the even one (IEEE 754), and turns what is too large into
 * infinity. NaN stays NaN.
 */
public final class NarrowFloats {

  private static final int FLOAT_INFINITY = 0x7f800000;

  private NarrowFloats() {}

  /**
   * Widens an IEEE 754 binary16.
   *
   * @param half its 16 bits
   * @return the same value
   */
  public static float fromFloat16(short half) {
    int sign = (half & 0x8000) << 16;
    int exponent = (half >>> 10) & 0x1f;
    int fraction = half & 0x3ff;
    if (exponent == 0) {
      float magnitude = fraction * 0x1p-24f;
      return sign == 0 ? magnitude : -magnitude;
    }
    if (exponent == 31) {
      return Float.intBitsToFloat(sign | FLOAT_INFINITY | (fraction << 13));
    }
    return Float.intBitsToFloat(sign | ((exponent + 112) << 23) | (fraction << 13));
  }

  /**
   * Rounds to IEEE 754 binary16. Magnitudes from 65520 on become infinity, up to 2<sup>-25</sup>
   * zero.
   *
   * @param value any float
   * @return the 16 bits
   */
  public static short toFloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & 0x8000;
    int magnitude = bits & 0x7fffffff;
    int half;
    if (magnitude > FLOAT_INFINITY) {
      half = 0x7e00 | ((magnitude >>> 13) & 0x3ff);
    } else if (magnitude >= 0x477ff000) { // 65520, halfway between 65504 and 2^16
      half = 0x7c00;
    } else if (magnitude >= 0x38800000) { // 2^-14, the smallest normal half
      int rebased = magnitude - (112 << 23);
      half = (rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13;
    } else {
      // Subnormal: a count of 2^-24. Scaling by a power of two is exact, rint ties to even.
      half = (int) Math.rint(Float.intBitsToFloat(magnitude) * 0x1p24);
    }
    return (short) (sign | half);
  }

  /**
   * Widens a bfloat16.
   *
   * @param bits its 16 bits
   * @return the same value
   */
  public static float fromBfloat16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /**
   * Rounds to bfloat16.
   *
   * @param value any float
   * @return the 16 bits
   */
  public static short toBfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7fffffff) > FLOAT_INFINITY) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  /**
   * Widens an eight-bit float with 4 bits of exponent and no infinities ("e4m3fn").
   *
   * @param bits its 8 bits
   * @return the same value
   */
  public static float fromFloat8E4m3(byte bits) {
    int exponent = (bits >>> 3) & 0xf;
    int fraction = bits & 7;
    float magnitude;
    if (exponent == 0) {
      magnitude = fraction * 0x1p-9f;
    } else if (exponent == 15 && fraction == 7) {
      magnitude = Float.NaN;
    } else {
      magnitude = Float.intBitsToFloat(((exponent + 120) << 23) | (fraction << 20));
    }
    return bits < 0 ? -magnitude : magnitude;
  }

  /**
   * Widens an eight-bit float with 5 bits of exponent ("e5m2"): the upper half of a binary16.
   *
   * @param bits its 8 bits
   * @return the same value
   */
  public static float fromFloat8E5m2(byte bits) {
    return fromFloat16((short) (bits << 8));
  }
}
