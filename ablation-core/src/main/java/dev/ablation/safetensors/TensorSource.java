package dev.ablation.safetensors;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.Objects;

/**
 * A tensor that delivers its bytes on demand, so that a file larger than memory can be written.
 * Sources are made from arrays here and from files by {@link SafetensorsFile#source}.
 */
public interface TensorSource {

  /** {@return the format of the numbers that {@link #writeTo} delivers} */
  Dtype dtype();

  /** {@return the shape} */
  Shape shape();

  /**
   * Writes the values: row-major, little endian, exactly as many bytes as shape and format take.
   *
   * @param out takes the bytes, in pieces of any size; not to be closed
   * @throws IOException if reading or writing fails
   */
  void writeTo(WritableByteChannel out) throws IOException;

  /**
   * Returns a source over an array, which must stay open and unchanged until the bytes were
   * delivered. Arrays on other devices are fetched piece by piece.
   *
   * @param array float64, float32, float16, int64, int32, int8, uint8 or boolean; the caller keeps
   *     ownership
   * @return the source
   * @throws IllegalArgumentException if the array is of another type
   */
  static TensorSource of(NDArray array) {
    Objects.requireNonNull(array, "array");
    Dtype dtype = Dtype.ofArray(array.getDataType());
    if (dtype == null) {
      throw new IllegalArgumentException(
          "array must be of a type that safetensors and DJL share, was " + array.getDataType());
    }
    return new ArraySource(array, dtype);
  }
}
