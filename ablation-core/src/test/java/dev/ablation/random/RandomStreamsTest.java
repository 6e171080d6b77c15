package dev.ablation.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class RandomStreamsTest {

  @Test
  void numbersNeverChange() {
    assertThat(RandomStreams.stream(42, "test", 0).nextLong()).isEqualTo(5872737257034696072L);
    assertThat(RandomStreams.seed(42, "test", 0)).isEqualTo(-2124748322035285486L);
    assertThat(gaussian(42, "test", 0, 3)).containsExactly(0.3029493f, -0.8214219f, -1.9232178f);
  }

  @Test
  void aStreamDependsOnItsThreeNamesAndNothingElse() {
    float[] once = gaussian(7, "noise", 3, 10);
    gaussian(7, "other", 3, 5);
    assertThat(gaussian(7, "noise", 3, 10)).containsExactly(once);
    Set<Long> first = new HashSet<>();
    for (long seed : new long[] {0, 1, -1, 256, Long.MAX_VALUE}) {
      for (String purpose : new String[] {"a", "b", "ab"}) {
        for (long index = 0; index < 20; index++) {
          first.add(RandomStreams.stream(seed, purpose, index).nextLong());
          first.add(RandomStreams.seed(seed, purpose, index));
        }
      }
    }
    assertThat(first).hasSize(2 * 5 * 3 * 20);
  }

  @Test
  void aShorterDrawIsTheBeginningOfALongerOne() {
    assertThat(Arrays.copyOf(gaussian(1, "x", 0, 9), 4)).containsExactly(gaussian(1, "x", 0, 4));
  }

  @Test
  void normalNumbersHaveTheMomentsOfTheNormalDistribution() {
    int n = 200_000;
    float[] values = gaussian(5, "moments", 0, n);
    double[] moments = new double[5];
    for (float value : values) {
      for (int k = 1; k <= 4; k++) {
        moments[k] += Math.pow(value, k) / n;
      }
    }
    // Five standard errors of each moment.
    assertThat(moments[1]).isCloseTo(0, Offset.offset(5 * Math.sqrt(1. / n)));
    assertThat(moments[2]).isCloseTo(1, Offset.offset(5 * Math.sqrt(2. / n)));
    assertThat(moments[3]).isCloseTo(0, Offset.offset(5 * Math.sqrt(15. / n)));
    assertThat(moments[4]).isCloseTo(3, Offset.offset(5 * Math.sqrt(96. / n)));
  }

  @Test
  void aPurposeMustHaveAName() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> RandomStreams.stream(1, " ", 0))
        .withMessage("purpose must not be blank");
  }

  private static float[] gaussian(long seed, String purpose, long index, int count) {
    try (NDManager manager = NDManager.newBaseManager()) {
      return RandomStreams.gaussian(
              manager, new Shape(count), RandomStreams.stream(seed, purpose, index))
          .toFloatArray();
    }
  }
}
