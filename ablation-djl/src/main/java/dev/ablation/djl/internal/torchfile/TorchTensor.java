package dev.ablation.djl.internal.torchfile;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.NarrowFloats;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A tensor of a torch file: a view of a storage, which is read when its values are asked for. */
public final class TorchTensor {
  private final TorchStorage storage;
  private final long offset;
  private final Shape shape;
  private final long[] strides;
  private final boolean requiresGradient;

  /** A view that has been checked to lie in its storage. */
  TorchTensor(
      TorchStorage storage, long offset, long[] shape, long[] strides, boolean requiresGradient) {
    this.storage = storage;
    this.offset = offset;
    this.shape = new Shape(shape);
    this.strides = strides.clone();
    this.requiresGradient = requiresGradient;
  }

  /** {@return the type of its numbers} */
  public Dtype dtype() {
    return storage.dtype();
  }

  /** {@return its shape} */
  public Shape shape() {
    return shape;
  }

  /** {@return whether it was being trained when it was saved} */
  public boolean requiresGradient() {
    return requiresGradient;
  }

  TorchTensor withGradient(boolean requires) {
    return new TorchTensor(storage, offset, shape.getShape(), strides, requires);
  }

  /**
   * Reads the values, row-major and little-endian.
   *
   * @return a new array
   * @throws IOException if the file cannot be read or was changed
   */
  public byte[] bytes() throws IOException {
    int width = dtype().bits() / Byte.SIZE;
    byte[] result = new byte[Math.toIntExact(Math.multiplyExact(shape.size(), (long) width))];
    if (result.length == 0) {
      return result;
    }
    byte[] from = storage.read();
    int rank = shape.dimension();
    long[] at = new long[rank];
    long element = offset;
    for (int to = 0; to < result.length; to += width) {
      int source = Math.toIntExact(element * width);
      for (int i = 0; i < width; i++) {
        result[to + i] = from[source + (storage.bigEndian() ? width - 1 - i : i)];
      }
      for (int axis = rank - 1; axis >= 0; axis--) {
        element += strides[axis];
        if (++at[axis] < shape.get(axis)) {
          break;
        }
        element -= strides[axis] * at[axis];
        at[axis] = 0;
      }
    }
    return result;
  }

  /**
   * Reads the values as float32.
   *
   * @param owner of the result
   * @return a new array
   * @throws IOException if the file cannot be read or was changed
   */
  public NDArray readFloat32(NDManager owner) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(bytes()).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[Math.toIntExact(shape.size())];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (dtype()) {
            case F64 -> (float) bytes.getDouble();
            case F32 -> bytes.getFloat();
            case F16 -> NarrowFloats.fromFloat16(bytes.getShort());
            case BF16 -> NarrowFloats.fromBfloat16(bytes.getShort());
            case I64 -> bytes.getLong();
            case I32 -> bytes.getInt();
            case I16 -> bytes.getShort();
            case I8 -> bytes.get();
            case U8, BOOL -> bytes.get() & 0xff;
            default -> throw new IllegalStateException(dtype().name());
          };
    }
    return owner.create(values, shape);
  }

  @Override
  public String toString() {
    return "tensor " + dtype() + " " + shape;
  }
}
