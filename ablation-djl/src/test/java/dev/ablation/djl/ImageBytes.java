package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.types.Shape;
import dev.ablation.golden.TensorFile;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.Set;

/** Compares images in bytes. */
final class ImageBytes {
  /** Share of pixels that may differ, by one level. */
  private static final double DIFFERING_PIXELS = 0.01;

  private ImageBytes() {}

  /** Compares with images (B, 3, h, w) of a file. */
  static void check(TensorFile file, String name, Shape actualShape, byte[] actual)
      throws IOException {
    Shape shape = file.shape(name);
    assertThat(actualShape).isEqualTo(shape);
    byte[] expected = file.bytes(name);
    int channels = Math.toIntExact(shape.get(1));
    int plane = Math.toIntExact(shape.get(2) * shape.get(3));
    Set<Integer> differing = new LinkedHashSet<>();
    for (int i = 0; i < expected.length; i++) {
      int levels = Math.abs((actual[i] & 0xff) - (expected[i] & 0xff));
      assertThat(levels)
          .as("levels off at %d: expected %d, was %d", i, expected[i] & 0xff, actual[i] & 0xff)
          .isLessThanOrEqualTo(1);
      if (levels > 0) {
        differing.add(i / (channels * plane) * plane + i % plane);
      }
    }
    assertThat(differing)
        .as("pixels that differ, of %d", expected.length / channels)
        .hasSizeLessThanOrEqualTo((int) (DIFFERING_PIXELS * expected.length / channels));
  }
}
