package dev.ablation.djl.doctor;

import java.util.List;
import java.util.OptionalLong;

/**
 * What another process loaded and computed with.
 *
 * @param version of libtorch, as its bindings say
 * @param folder that it was loaded from
 * @param threads that one operation uses on the CPU
 * @param devices the CPU and every GPU
 * @param tokenizers whether the tokenizers' native library could be loaded as well
 */
public record LoadedTorch(
    String version, String folder, int threads, List<ComputeDevice> devices, boolean tokenizers) {

  /** Copies the list. */
  public LoadedTorch {
    devices = List.copyOf(devices);
  }

  /**
   * A device to compute on.
   *
   * @param name as options take it: {@code cpu}, {@code gpu0} ...
   * @param computeCapability of a GPU, such as {@code 90}; empty for the CPU
   * @param memoryBytes of a GPU; empty for the CPU
   * @param freeBytes of a GPU; empty for the CPU
   */
  public record ComputeDevice(
      String name, String computeCapability, OptionalLong memoryBytes, OptionalLong freeBytes) {}
}
