package dev.ablation.anchor;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.LatentCodec;
import dev.ablation.picture.PictureFile;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Pictures that are read from files each time.
 *
 * @param pictures the files
 */
record PictureFiles(List<CaptionedPicture> pictures) implements AnchorSource {

  @Override
  public AnchorRows draw(int[] rows, RandomGenerator random, NDManager scope) {
    throw new IllegalStateException("picture files have no latents of their own");
  }

  @Override
  public BufferedImage picture(int row, LatentCodec codec) {
    try {
      return PictureFile.read(pictures.get(row).file());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {}
}
