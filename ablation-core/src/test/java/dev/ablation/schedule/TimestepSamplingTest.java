package dev.ablation.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ablation.random.RandomStreams;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TimestepSamplingTest {
  private static final int STEPS = 1000;
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.stableDiffusion();

  static Stream<TimestepSampling> samplings() {
    return Stream.of(
        TimestepSampling.uniform(),
        TimestepSampling.stratified(),
        TimestepSampling.logitNormal(0, 1));
  }

  private static double[] draw(TimestepSampling sampling, int count, long index) {
    return sampling.draw(count, SCHEDULE, RandomStreams.stream(3, "test", index));
  }

  @ParameterizedTest
  @MethodSource("samplings")
  void staysInRangeAndHasTheRightMean(TimestepSampling sampling) {
    double[] drawn = draw(sampling, 10_000, 0);
    assertThat(Arrays.stream(drawn)).allMatch(t -> t >= 0 && t < STEPS && t == Math.rint(t));
    assertThat(Arrays.stream(drawn).average().orElseThrow()).isBetween(480.0, 520.0);
    assertThat(drawn).isEqualTo(draw(sampling, 10_000, 0)).isNotEqualTo(draw(sampling, 10_000, 1));
  }

  @Test
  void uniformTakesOneBoundedIntegerATime() {
    RandomGenerator same = RandomStreams.stream(3, "test", 4);
    double[] drawn = draw(TimestepSampling.uniform(), 100, 4);
    RandomGenerator oneByOne = RandomStreams.stream(3, "test", 4);
    for (double time : drawn) {
      assertThat(time).isEqualTo(same.nextInt(STEPS));
      assertThat(SCHEDULE.drawTime(oneByOne)).isEqualTo(time);
    }
  }

  @Test
  void stratifiedDrawsOneFromEachPartInRandomOrder() {
    double[] drawn = draw(TimestepSampling.stratified(), 32, 5);
    double[] sorted = drawn.clone();
    Arrays.sort(sorted);
    assertThat(drawn).isNotEqualTo(sorted);
    for (int i = 0; i < sorted.length; i++) {
      assertThat((long) sorted[i]).isBetween(i * STEPS / 32L, ((i + 1L) * STEPS - 1) / 32);
    }
  }

  @Test
  void stratifiedKeepsTheStreamsOfOldRuns() {
    RandomGenerator random = RandomStreams.stream(3, "test", 6);
    long[] old = new long[8];
    for (int i = 0; i < old.length; i++) {
      old[i] = Math.min((long) ((i + random.nextDouble()) / old.length * STEPS), STEPS - 1L);
    }
    for (int i = old.length - 1; i > 0; i--) {
      int other = random.nextInt(i + 1);
      long swapped = old[i];
      old[i] = old[other];
      old[other] = swapped;
    }
    assertThat(draw(TimestepSampling.stratified(), old.length, 6))
        .isEqualTo(Arrays.stream(old).asDoubleStream().toArray());
  }

  @Test
  void logitNormalPrefersTheMiddle() {
    double[] drawn = draw(TimestepSampling.logitNormal(0, 1), 10_000, 7);
    // P(|z| < ln 3) for the shares from 1/4 to 3/4.
    long middle = Arrays.stream(drawn).filter(t -> t >= 250 && t < 750).count();
    assertThat(middle / 10_000.0).isBetween(0.71, 0.745);
    double[] late = draw(TimestepSampling.logitNormal(1, 1), 10_000, 7);
    assertThat(Arrays.stream(late).average().orElseThrow()).isGreaterThan(650);
  }

  @Test
  void refusesNumbersOutOfRange() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> draw(TimestepSampling.uniform(), 0, 0))
        .withMessageContaining("count must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> draw(TimestepSampling.stratified(), 0, 0))
        .withMessageContaining("count must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TimestepSampling.logitNormal(0, 0))
        .withMessageContaining("deviation must be positive, was 0");
  }
}
