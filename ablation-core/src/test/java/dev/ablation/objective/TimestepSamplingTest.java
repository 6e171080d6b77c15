package dev.ablation.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.random.RandomStreams;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TimestepSamplingTest {
  private static final int STEPS = 1000;

  private static long[] draw(TimestepSampling sampling, int count, long index) {
    return sampling.draw(count, STEPS, RandomStreams.stream(3, "test", index));
  }

  @ParameterizedTest
  @EnumSource(TimestepSampling.class)
  void staysInRangeAndHasTheRightMean(TimestepSampling sampling) {
    long[] drawn = draw(sampling, 10_000, 0);
    assertThat(Arrays.stream(drawn)).allMatch(t -> t >= 0 && t < STEPS);
    assertThat(Arrays.stream(drawn).average().orElseThrow()).isBetween(480.0, 520.0);
    assertThat(drawn).isEqualTo(draw(sampling, 10_000, 0)).isNotEqualTo(draw(sampling, 10_000, 1));
  }

  @Test
  void stratifiedDrawsOneFromEachPartInRandomOrder() {
    long[] drawn = draw(TimestepSampling.STRATIFIED, 32, 5);
    long[] sorted = drawn.clone();
    Arrays.sort(sorted);
    assertThat(drawn).isNotEqualTo(sorted);
    for (int i = 0; i < sorted.length; i++) {
      assertThat(sorted[i]).isBetween(i * STEPS / 32L, ((i + 1L) * STEPS - 1) / 32);
    }
  }

  @Test
  void refusesAnEmptyBatch() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> draw(TimestepSampling.UNIFORM, 0, 0))
        .withMessageContaining("count must be positive, was 0");
  }
}
