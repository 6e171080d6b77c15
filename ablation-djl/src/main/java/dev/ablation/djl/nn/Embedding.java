package dev.ablation.djl.nn;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernels;

/** A table of vectors: weight (count, width); ids (int64) of any shape become rows. */
public final class Embedding extends Layer {
  private final Weight weight;

  /**
   * Creates a table.
   *
   * @param count of rows
   * @param width of a row
   */
  public Embedding(int count, int width) {
    weight = weight("weight", count, width);
  }

  /**
   * Adds rows at the end; the weight is loaded afterwards without them.
   *
   * @param rows (n, width)
   */
  public void append(float[][] rows) {
    weight.appendWhenLoaded(rows);
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(Kernels.EMBEDDING.call(in.get(0), weight.get()));
  }
}
