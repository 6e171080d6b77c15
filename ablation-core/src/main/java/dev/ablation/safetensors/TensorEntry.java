package dev.ablation.safetensors;

import ai.djl.ndarray.types.Shape;
import java.util.Objects;

/**
 * One tensor's entry in the header of a safetensors file. Values are stored row-major, little
 * endian, without gaps.
 *
 * @param name its name, any text
 * @param dtype the format of its numbers
 * @param shape its shape; {@code ()} is one number, and dimensions may be 0
 * @param begin first byte, counted from the end of the header
 * @param end byte after the last one, counted from the end of the header
 */
public record TensorEntry(String name, Dtype dtype, Shape shape, long begin, long end) {

  /**
   * Checks the range.
   *
   * @throws IllegalArgumentException if {@code begin} is negative or after {@code end}
   */
  public TensorEntry {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(dtype, "dtype");
    Objects.requireNonNull(shape, "shape");
    if (begin < 0 || end < begin) {
      throw new IllegalArgumentException(
          "begin must not be negative nor after end, was " + begin + " with end " + end);
    }
  }

  /** {@return the size of the tensor in the file, in bytes} */
  public long byteSize() {
    return end - begin;
  }

  /** {@return the number of elements: the product of the dimensions} */
  public long elementCount() {
    return byteSize() * 8 / dtype.bits();
  }
}
