package dev.ablation.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

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
        TimestepSampling.logitNormal(0, 1),
        TimestepSampling.mode(1.29),
        TimestepSampling.mode(-1),
        TimestepSampling.uniform(0.2, 0.8));
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

  /** Share of the middle half under the paper's function: its inverse at 1/4 and 3/4. */
  @Test
  void modeMovesTimesToTheMiddleOrToTheEnds() {
    for (double scale : new double[] {1.29, 0, -1}) {
      ModeSampling sampling = (ModeSampling) TimestepSampling.mode(scale);
      int inside = 0;
      double before = 2;
      for (int i = 0; i < 10_000; i++) {
        double share = sampling.share(i / 10_000.0);
        assertThat(share).as("a falling function").isLessThanOrEqualTo(before);
        before = share;
        inside += share >= 0.25 && share < 0.75 ? 1 : 0;
      }
      double[] drawn = draw(sampling, 10_000, 8);
      long middle = Arrays.stream(drawn).filter(t -> t >= 250 && t < 750).count();
      assertThat(middle / 10_000.0).isCloseTo(inside / 10_000.0, within(0.02));
      if (scale == 0) {
        assertThat(inside).isBetween(4990, 5010);
      } else {
        assertThat(inside > 5500).as("more in the middle").isEqualTo(scale > 0);
      }
    }
    // At u = 1/4 with scale 1.29: 1 - 0.25 - 1.29 (cos(pi/8)^2 - 1 + 0.25) = 0.616393...
    assertThat(((ModeSampling) TimestepSampling.mode(1.29)).share(0.25))
        .isCloseTo(0.75 - 1.29 * (Math.pow(Math.cos(Math.PI / 8), 2) - 0.75), within(1e-12));
  }

  @Test
  void aRangeIsInTheOrderOfTheNoise() {
    double[] upper = draw(TimestepSampling.uniform(0.75, 1), 1000, 9);
    assertThat(Arrays.stream(upper)).allMatch(t -> t >= 750);
    NoiseSchedule flow = NoiseSchedule.rectifiedFlow();
    double[] noisy =
        TimestepSampling.uniform(0.75, 1).draw(1000, flow, RandomStreams.stream(3, "test", 9));
    assertThat(Arrays.stream(noisy)).allMatch(t -> flow.sigma(t) >= 0.749);
    double[] clear =
        TimestepSampling.uniform(0, 0.25).draw(1000, flow, RandomStreams.stream(3, "test", 9));
    assertThat(Arrays.stream(clear)).allMatch(t -> flow.sigma(t) <= 0.251);
  }

  @Test
  void refusesNumbersOutOfRange() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TimestepSampling.mode(2))
        .withMessageContaining("scale must be in [-1, 1.75")
        .withMessageContaining("was 2.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TimestepSampling.uniform(0.5, 0.5))
        .withMessageContaining("not empty, was 0.5 to 0.5");
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
