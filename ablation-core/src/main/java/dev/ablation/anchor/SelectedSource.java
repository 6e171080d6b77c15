package dev.ablation.anchor;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Some of the images of a source.
 *
 * @param all the source, which is closed with this one
 * @param chosen the index in {@code all} of each image
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record SelectedSource(AnchorSource all, int[] chosen) implements AnchorSource {

  @Override
  public AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope) {
    return all.draw(inAll(rows), random, scope);
  }

  @Override
  public AnchorBatch drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return all.drawPrior(inAll(rows), random, scope);
  }

  private int[] inAll(int[] rows) {
    return Arrays.stream(rows).map(row -> chosen[row]).toArray();
  }

  @Override
  public BufferedImage image(int row, LatentCodec codec) {
    return all.image(chosen[row], codec);
  }

  @Override
  public void close() {
    all.close();
  }
}
