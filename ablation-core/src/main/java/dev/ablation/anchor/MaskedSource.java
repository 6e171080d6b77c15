package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.random.RandomGenerator;

/**
 * A source whose images are unchanged, but of which only a masked part counts in training.
 *
 * @param all the source
 * @param mask 1 for each latent pixel that counts, else 0
 * @param priorToo whether the mask also applies to prior preservation
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record MaskedSource(AnchorSource all, float[] mask, boolean priorToo) implements AnchorSource {

  @Override
  public AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope) {
    return masked(all.draw(rows, random, scope), scope);
  }

  @Override
  public AnchorBatch drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    AnchorBatch drawn = all.drawPrior(rows, random, scope);
    return priorToo ? masked(drawn, scope) : drawn;
  }

  private AnchorBatch masked(AnchorBatch drawn, NDManager scope) {
    Shape shape = drawn.latents().getShape();
    float[] values = new float[drawn.size() * mask.length];
    for (int i = 0; i < drawn.size(); i++) {
      System.arraycopy(mask, 0, values, i * mask.length, mask.length);
    }
    Shape maskShape = new Shape(drawn.size(), 1, shape.get(2), shape.get(3));
    return new AnchorBatch(drawn.latents(), inEngine(values, maskShape, scope), drawn.prefixes());
  }

  /**
   * Copied into the engine's memory: the backward pass reads the mask when a Java buffer may
   * already be freed.
   */
  static NDArray inEngine(float[] values, Shape shape, NDManager scope) {
    try (NDArray buffer = scope.create(values, shape)) {
      return buffer.duplicate();
    }
  }

  @Override
  public BufferedImage image(int row, LatentCodec codec) {
    return all.image(row, codec);
  }

  @Override
  public void close() {
    all.close();
  }
}
