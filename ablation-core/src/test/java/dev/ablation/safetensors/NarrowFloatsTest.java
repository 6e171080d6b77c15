package dev.ablation.safetensors;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NarrowFloatsTest {

  @Test
  void everyFloat16SurvivesTheRoundTrip() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float wide = NarrowFloats.fromFloat16((short) bits);
      short back = NarrowFloats.toFloat16(wide);
      if (Float.isNaN(wide)) {
        assertThat(NarrowFloats.fromFloat16(back)).isNaN();
      } else {
        assertThat(back).isEqualTo((short) bits);
      }
    }
  }

  @Test
  void everyBfloat16SurvivesTheRoundTrip() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float wide = NarrowFloats.fromBfloat16((short) bits);
      short back = NarrowFloats.toBfloat16(wide);
      if (Float.isNaN(wide)) {
        assertThat(NarrowFloats.fromBfloat16(back)).isNaN();
      } else {
        assertThat(back).isEqualTo((short) bits);
      }
    }
  }

  @Test
  void float16IsRoundedAsByTheEngine() {
    SplittableRandom random = new SplittableRandom(1);
    float[] values = new float[400_000];
    for (int i = 0; i < values.length; i++) {
      // All exponents that matter, and around each half the ties of the rounding.
      float value = Float.intBitsToFloat((random.nextInt(98, 146) << 23) + random.nextInt(1 << 23));
      if (i % 4 == 0) {
        value = Float.intBitsToFloat(Float.floatToIntBits(value) & ~0xfff);
      }
      values[i] = random.nextBoolean() ? value : -value;
    }
    try (NDManager manager = NDManager.newBaseManager();
        NDArray wide = manager.create(values);
        NDArray half = wide.toType(DataType.FLOAT16, false)) {
      ByteBuffer expected = half.toByteBuffer();
      for (int i = 0; i < values.length; i++) {
        if (NarrowFloats.toFloat16(values[i]) != expected.getShort(2 * i)) {
          assertThat(NarrowFloats.toFloat16(values[i]))
              .as("float16 of %s", values[i])
              .isEqualTo(expected.getShort(2 * i));
        }
      }
    }
  }

  @Test
  void bfloat16IsTheNearestOfItsNeighbours() {
    SplittableRandom random = new SplittableRandom(2);
    for (int i = 0; i < 200_000; i++) {
      float value = Float.intBitsToFloat(random.nextInt(0x7f7f0000));
      int below = Float.floatToIntBits(value) >>> 16;
      double toBelow = (double) value - NarrowFloats.fromBfloat16((short) below);
      double toAbove = (double) NarrowFloats.fromBfloat16((short) (below + 1)) - value;
      boolean up = toAbove < toBelow || (toAbove == toBelow && (below & 1) == 1);
      assertThat(NarrowFloats.toBfloat16(value)).isEqualTo((short) (up ? below + 1 : below));
      assertThat(NarrowFloats.toBfloat16(-value))
          .isEqualTo((short) (0x8000 | (up ? below + 1 : below)));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0x00, 0", "0x01, 0.001953125", "0x07, 0.013671875", "0x08, 0.015625", "0x38, 1",
    "0x7e, 448", "0x7f, NaN", "0xb8, -1", "0xfe, -448", "0xff, NaN"
  })
  void e4m3Widens(String bits, float value) {
    assertThat(NarrowFloats.fromFloat8E4m3((byte) (int) Integer.decode(bits)))
        .isEqualTo((Float) value);
  }

  @ParameterizedTest
  @CsvSource({
    "0x00, 0",
    "0x01, 1.52587890625E-5",
    "0x04, 6.103515625E-5",
    "0x3c, 1",
    "0x7b, 57344",
    "0x7c, Infinity",
    "0x7f, NaN",
    "0xbc, -1",
    "0xfc, -Infinity"
  })
  void e5m2Widens(String bits, float value) {
    assertThat(NarrowFloats.fromFloat8E5m2((byte) (int) Integer.decode(bits)))
        .isEqualTo((Float) value);
  }

  @Test
  void zerosKeepTheirSign() {
    assertThat(NarrowFloats.toFloat16(-0f)).isEqualTo((short) 0x8000);
    assertThat(NarrowFloats.toBfloat16(-0f)).isEqualTo((short) 0x8000);
    assertThat(1 / NarrowFloats.fromFloat16((short) 0x8000)).isEqualTo(Float.NEGATIVE_INFINITY);
    assertThat(1 / NarrowFloats.fromFloat8E4m3((byte) 0x80)).isEqualTo(Float.NEGATIVE_INFINITY);
  }
}
