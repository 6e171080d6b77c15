package dev.ablation.golden;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.TensorEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;

/** The tensors of a safetensors file. Nothing stays open. */
public final class TensorFile {
  private final Path path;
  private final Map<String, TensorEntry> entries;

  private TensorFile(Path path, Map<String, TensorEntry> entries) {
    this.path = path;
    this.entries = entries;
  }

  /**
   * Reads the header of a file.
   *
   * @param path of the file
   * @return its tensors
   * @throws IOException if it cannot be read
   */
  public static TensorFile of(Path path) throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      return new TensorFile(path, file.tensors());
    }
  }

  /** Returns the file. */
  public Path path() {
    return path;
  }

  /** Returns the names of the tensors, in the order of the file. */
  public Set<String> names() {
    return Collections.unmodifiableSet(entries.keySet());
  }

  /**
   * Returns a tensor's shape.
   *
   * @param name of the tensor
   * @return the shape
   */
  public Shape shape(String name) {
    return entry(name).shape();
  }

  /**
   * Reads a tensor.
   *
   * @param name of the tensor, which must be float32
   * @return its values
   * @throws IOException if it cannot be read
   */
  public Tensor tensor(String name) throws IOException {
    float[] values = new float[Math.toIntExact(shape(name).size())];
    bytes(name, Dtype.F32).asFloatBuffer().get(values);
    return new Tensor(shape(name), values);
  }

  /**
   * Reads whole numbers.
   *
   * @param name of the tensor, which must be int64
   * @return its values in C order
   * @throws IOException if it cannot be read
   */
  public long[] longs(String name) throws IOException {
    long[] values = new long[Math.toIntExact(shape(name).size())];
    bytes(name, Dtype.I64).asLongBuffer().get(values);
    return values;
  }

  /**
   * Reads bytes.
   *
   * @param name of the tensor, which must be uint8
   * @return its values in C order
   * @throws IOException if it cannot be read
   */
  public byte[] bytes(String name) throws IOException {
    byte[] values = new byte[Math.toIntExact(shape(name).size())];
    bytes(name, Dtype.U8).get(values);
    return values;
  }

  /**
   * Reads a tensor into the engine.
   *
   * @param name of the tensor
   * @param manager owner of the result
   * @return an array of the tensor's shape and type
   * @throws IOException if it cannot be read
   */
  public NDArray array(String name, NDManager manager) throws IOException {
    entry(name);
    try (SafetensorsFile file = SafetensorsFile.open(path, SafetensorsFile.Access.COPY)) {
      return file.read(name, manager);
    }
  }

  private ByteBuffer bytes(String name, Dtype type) throws IOException {
    TensorEntry entry = entry(name);
    if (entry.dtype() != type) {
      throw new AssertionError(name + " of " + path + " must be " + type + ", is " + entry.dtype());
    }
    ByteBuffer buffer =
        ByteBuffer.allocate(Math.toIntExact(entry.byteSize())).order(ByteOrder.LITTLE_ENDIAN);
    try (SafetensorsFile file = SafetensorsFile.open(path, SafetensorsFile.Access.COPY)) {
      file.readBytes(name, 0, buffer);
    }
    return buffer.flip();
  }

  private TensorEntry entry(String name) {
    TensorEntry entry = entries.get(name);
    if (entry == null) {
      throw new AssertionError(path + " lacks the tensor " + name);
    }
    return entry;
  }

  @Override
  public String toString() {
    return path.getParent().getFileName() + "/" + path.getFileName();
  }
}
