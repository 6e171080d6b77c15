package dev.ablation.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.random.RandomStreams;
import java.util.HashSet;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class MaskSamplingTest {
  private static final int HEIGHT = 12;
  private static final int WIDTH = 20;

  private static int count(boolean[] mask) {
    int count = 0;
    for (boolean pixel : mask) {
      count += pixel ? 1 : 0;
    }
    return count;
  }

  @Test
  void drawsShapesOfAllSizesAndSometimesTheWholeImage() {
    RandomGenerator random = RandomStreams.stream(1, "masks", 0);
    int whole = 0;
    int draws = 4000;
    Set<Integer> sizes = new HashSet<>();
    double[] covered = new double[HEIGHT * WIDTH];
    for (int i = 0; i < draws; i++) {
      boolean[] mask = MaskSampling.shapes().draw(HEIGHT, WIDTH, random);
      assertThat(mask).hasSize(HEIGHT * WIDTH);
      int size = count(mask);
      assertThat(size).as("never nothing").isPositive();
      sizes.add(size);
      whole += size == mask.length ? 1 : 0;
      for (int k = 0; k < mask.length; k++) {
        covered[k] += mask[k] ? 1.0 / draws : 0;
      }
    }
    assertThat(whole / (double) draws).isBetween(0.23, 0.28);
    assertThat(sizes).hasSizeGreaterThan(60);
    for (double share : covered) {
      assertThat(share).as("every pixel is drawn at times").isBetween(0.25, 0.8);
    }
  }

  @Test
  void ellipsesFillPiOfFourOfTheirBox() {
    RandomGenerator random = RandomStreams.stream(2, "masks", 0);
    boolean smaller = false;
    for (int i = 0; i < 200; i++) {
      boolean[] mask = MaskSampling.shapes(0).draw(64, 64, random);
      int top = 64;
      int bottom = 0;
      int left = 64;
      int right = 0;
      for (int k = 0; k < mask.length; k++) {
        if (mask[k]) {
          top = Math.min(top, k / 64);
          bottom = Math.max(bottom, k / 64);
          left = Math.min(left, k % 64);
          right = Math.max(right, k % 64);
        }
      }
      double share = count(mask) / ((bottom - top + 1.0) * (right - left + 1));
      if (bottom - top > 20 && right - left > 20) {
        assertThat(share)
            .satisfiesAnyOf(
                of -> assertThat(of).isEqualTo(1), of -> assertThat(of).isBetween(0.75, 0.82));
        smaller |= share < 1;
      }
    }
    assertThat(smaller).isTrue();
  }

  @Test
  void isAValueWithAName() {
    assertThat(MaskSampling.shapes()).isEqualTo(MaskSampling.shapes(0.25));
    assertThat(MaskSampling.shapes(1).name()).isEqualTo("shapes(whole=1.0)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> MaskSampling.shapes(1.5))
        .withMessage("whole must be in [0, 1], was 1.5");
  }
}
