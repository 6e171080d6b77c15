package dev.ablation.anchor;

import ai.djl.ndarray.NDManager;
import dev.ablation.image.ImageFile;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Images that are read from their files each time.
 *
 * @param images the files
 */
record ImageFiles(List<CaptionedImage> images) implements AnchorSource {

  @Override
  public AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope) {
    throw new IllegalStateException("image files have no latents");
  }

  @Override
  public BufferedImage image(int row, LatentCodec codec) {
    try {
      return ImageFile.read(images.get(row).file());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {}
}
