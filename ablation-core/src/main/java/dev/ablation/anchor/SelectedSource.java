package dev.ablation.anchor;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Some pictures of a source.
 *
 * @param all the source, which is closed with this one
 * @param chosen number in {@code all} of each picture
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record SelectedSource(AnchorSource all, int[] chosen) implements AnchorSource {

  @Override
  public AnchorRows draw(int[] rows, RandomGenerator random, NDManager scope) {
    return all.draw(inAll(rows), random, scope);
  }

  @Override
  public AnchorRows drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return all.drawPrior(inAll(rows), random, scope);
  }

  private int[] inAll(int[] rows) {
    return Arrays.stream(rows).map(row -> chosen[row]).toArray();
  }

  @Override
  public BufferedImage picture(int row, LatentCodec codec) {
    return all.picture(chosen[row], codec);
  }

  @Override
  public void close() {
    all.close();
  }
}
