package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.Images;
import java.awt.image.BufferedImage;
import java.util.random.RandomGenerator;

/**
 * Fixed latents in an array.
 *
 * @param latents (n, C, H, W)
 */
record CachedLatents(NDArray latents) implements AnchorSource {

  @Override
  public AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope) {
    return AnchorBatch.plain(rows(rows, scope));
  }

  NDArray rows(int[] rows, NDManager scope) {
    long[] numbers = new long[rows.length];
    for (int i = 0; i < rows.length; i++) {
      numbers[i] = rows[i];
    }
    try (NDArray index = scope.create(numbers)) {
      NDArray chosen = latents.get(index);
      chosen.attach(scope);
      return chosen;
    }
  }

  @Override
  public BufferedImage image(int row, LatentCodec codec) {
    try (NDManager scope = latents.getManager().newSubManager()) {
      NDArray one = rows(new int[] {row}, scope);
      return Images.images(Images.decode(codec, one, 1, scope)).get(0);
    }
  }

  @Override
  public void close() {
    latents.close();
  }
}
