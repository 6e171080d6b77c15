package dev.ablation.memorized;

import com.google.common.base.Preconditions;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.awt.image.BufferedImage;
import java.util.List;

/** Helpers for the reference images of copy detection. */
final class Originals {
  private Originals() {}

  static List<BufferedImage> checked(List<BufferedImage> originals) {
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    return List.copyOf(originals);
  }

  /** {@return a hash of the sizes and pixels, for cache keys and provenance} */
  static String sha256(List<BufferedImage> originals) {
    Hasher hasher = Hashing.sha256().newHasher();
    for (BufferedImage image : originals) {
      hasher.putInt(image.getWidth()).putInt(image.getHeight());
      int[] row = new int[image.getWidth()];
      for (int y = 0; y < image.getHeight(); y++) {
        image.getRGB(0, y, row.length, 1, row, 0, row.length);
        for (int color : row) {
          hasher.putInt(color & 0xffffff);
        }
      }
    }
    return hasher.hash().toString();
  }
}
