package dev.ablation.internal;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/** Copies of arrays in the engine's memory. */
public final class EngineArrays {
  private EngineArrays() {}

  /**
   * Copies an array, also one in a Java buffer, which is freed with its handle: a backward pass
   * must not read such a one.
   *
   * @param array any
   * @param owner of the copy
   * @return the copy
   */
  public static NDArray copy(NDArray array, NDManager owner) {
    NDArray copy = array.duplicate();
    copy.attach(owner);
    return copy;
  }
}
