package dev.ablation.djl.sd3;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;

/**
 * The table of positions of a transformer that is trained from nothing; published checkpoints store
 * theirs. Half of a token's width encodes its column, half its row, each by sines, then cosines
 * (Vaswani et al. 2017, section 3.5), with distances in units of the trained size.
 */
public final class SD3Positions {
  private static final double LONGEST = 10_000;

  private SD3Positions() {}

  /**
   * Computes the table.
   *
   * @param config of the transformer, whose width must be a multiple of 4
   * @param owner of the result
   * @return (1, n n, C) with n {@link SD3TransformerConfig#posEmbedMaxSize()}, row by row, float32
   */
  public static NDArray table(SD3TransformerConfig config, NDManager owner) {
    int width = config.width();
    int size = config.posEmbedMaxSize();
    if (width % 4 != 0) {
      throw new IllegalArgumentException("width must be a multiple of 4, was " + width);
    }
    int trained = config.sampleSize() / config.patchSize();
    double unit = (double) trained / size;
    float[] table = new float[size * size * width];
    int at = 0;
    for (int row = 0; row < size; row++) {
      for (int column = 0; column < size; column++) {
        encode(column * unit, table, at, width / 2);
        encode(row * unit, table, at + width / 2, width / 2);
        at += width;
      }
    }
    try (NDArray onHeap = owner.create(table, new Shape(1, (long) size * size, width))) {
      return onHeap.duplicate();
    }
  }

  private static void encode(double position, float[] into, int at, int width) {
    int half = width / 2;
    for (int i = 0; i < half; i++) {
      double angle = position / Math.pow(LONGEST, (double) i / half);
      into[at + i] = (float) Math.sin(angle);
      into[at + half + i] = (float) Math.cos(angle);
    }
  }
}
