package dev.ablation.djl.internal.singlefile;

import ai.djl.ndarray.types.Shape;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.TensorSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/**
 * The matrix that changes nothing.
 *
 * @param size rows and columns
 */
record IdentitySource(int size) implements TensorSource {
  @Override
  public Dtype dtype() {
    return Dtype.F32;
  }

  @Override
  public Shape shape() {
    return new Shape(size, size);
  }

  @Override
  public void writeTo(WritableByteChannel out) throws IOException {
    ByteBuffer row = ByteBuffer.allocate(size * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < size; i++) {
      row.clear();
      for (int j = 0; j < size; j++) {
        row.putFloat(i == j ? 1 : 0);
      }
      row.flip();
      while (row.hasRemaining()) {
        out.write(row);
      }
    }
  }
}
