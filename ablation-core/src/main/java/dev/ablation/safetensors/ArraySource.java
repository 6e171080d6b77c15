package dev.ablation.safetensors;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/**
 * The bytes of an array.
 *
 * @param array the array
 * @param dtype its format
 */
record ArraySource(NDArray array, Dtype dtype) implements TensorSource {

  private static final int PIECE_BYTES = 4 << 20;

  @Override
  public Shape shape() {
    return array.getShape();
  }

  @Override
  public void writeTo(WritableByteChannel out) throws IOException {
    long count = shape().size();
    if (count == 0) {
      return;
    }
    int piece = PIECE_BYTES / dtype.bytes();
    try (NDArray flat = array.reshape(-1)) {
      for (long at = 0; at < count; at += piece) {
        NDIndex range = new NDIndex().addSliceDim(at, Math.min(count, at + piece));
        try (NDArray slice = flat.get(range)) {
          write(slice, out);
        }
      }
    }
  }

  private static void write(NDArray slice, WritableByteChannel out) throws IOException {
    if (Device.cpu().equals(slice.getDevice())) {
      write(slice.toByteBuffer(), out);
    } else {
      try (NDArray local = slice.toDevice(Device.cpu(), true)) {
        write(local.toByteBuffer(), out);
      }
    }
  }

  private static void write(ByteBuffer bytes, WritableByteChannel out) throws IOException {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new IOException("safetensors files are written on little-endian machines only");
    }
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }
}
