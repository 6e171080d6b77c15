package dev.ablation.djl.internal.torchfile;

import dev.ablation.safetensors.Dtype;
import java.io.IOException;

/** Numbers of one type in a torch file, which tensors are views of. */
final class TorchStorage {
  /** Reads the storage's bytes. */
  @FunctionalInterface
  interface Bytes {
    byte[] read() throws IOException;
  }

  private final Dtype dtype;
  private final long elements;
  private final boolean bigEndian;
  private final Bytes bytes;

  TorchStorage(Dtype dtype, long elements, boolean bigEndian, Bytes bytes) {
    this.dtype = dtype;
    this.elements = elements;
    this.bigEndian = bigEndian;
    this.bytes = bytes;
  }

  Dtype dtype() {
    return dtype;
  }

  long elements() {
    return elements;
  }

  boolean bigEndian() {
    return bigEndian;
  }

  byte[] read() throws IOException {
    return bytes.read();
  }
}
