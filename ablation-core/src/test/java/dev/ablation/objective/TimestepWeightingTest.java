package dev.ablation.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.SigmaShift;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TimestepWeightingTest {
  private static final VariancePreservingSchedule SCHEDULE = NoiseSchedule.stableDiffusion();

  private static double[] weights(TimestepWeighting weighting, NoiseSchedule schedule) {
    DoubleUnaryOperator weight = weighting.on(schedule);
    return IntStream.range(0, schedule.steps())
        .mapToDouble(i -> weight.applyAsDouble(schedule.time(i)))
        .toArray();
  }

  @ParameterizedTest
  @MethodSource("weightings")
  void worksOnAFlow(TimestepWeighting weighting) {
    NoiseSchedule flow = NoiseSchedule.rectifiedFlow().shift(SigmaShift.constant(3));
    double[] weights = weights(weighting, flow);
    assertThat(Arrays.stream(weights).average().orElseThrow()).isCloseTo(1, within(1e-12));
    assertThat(weighting.on(flow).applyAsDouble(0)).isFinite().isNotNegative();
    assertThat(weighting.on(flow).applyAsDouble(1000)).isFinite().isPositive();
  }

  static Stream<TimestepWeighting> weightings() {
    return Stream.of(
        TimestepWeighting.uniform(),
        TimestepWeighting.inverseSnr(0.1),
        TimestepWeighting.minSnr(5),
        TimestepWeighting.inverseSnr(0.1).mixedWith(0.7, TimestepWeighting.minSnr(5)));
  }

  @ParameterizedTest
  @MethodSource("weightings")
  void hasAMeanOfOneAndNoNegativeWeight(TimestepWeighting weighting) {
    double[] weights = weights(weighting, SCHEDULE);
    assertThat(weights).hasSize(SCHEDULE.steps());
    assertThat(Arrays.stream(weights).average().orElseThrow()).isCloseTo(1, within(1e-12));
    assertThat(Arrays.stream(weights).min().orElseThrow()).isPositive();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 250, 999})
  void followsTheFormulas(int timestep) {
    double snr = SCHEDULE.snr(timestep);
    double[] inverse = weights(TimestepWeighting.inverseSnr(0.1), SCHEDULE);
    double[] bounded = weights(TimestepWeighting.minSnr(5), SCHEDULE);
    // Relative to another timestep, since both are scaled.
    double other = SCHEDULE.snr(500);
    assertThat(inverse[timestep] / inverse[500])
        .isCloseTo((other + 0.1) / (snr + 0.1), within(1e-9));
    assertThat(bounded[timestep] / bounded[500])
        .isCloseTo(Math.min(snr, 5) / snr / (Math.min(other, 5) / other), within(1e-9));
    double[] mixed =
        weights(
            TimestepWeighting.inverseSnr(0.1).mixedWith(0.7, TimestepWeighting.minSnr(5)),
            SCHEDULE);
    assertThat(mixed[timestep])
        .isCloseTo(0.7 * inverse[timestep] + 0.3 * bounded[timestep], within(1e-12));
  }

  @Test
  void liftsTheNoisyTimesteps() {
    double[] weights = weights(TimestepWeighting.inverseSnr(0.1), SCHEDULE);
    assertThat(weights[999]).isGreaterThan(50 * weights[100]);
  }

  @Test
  void givesPureNoiseAFiniteWeight() {
    NoiseSchedule schedule = SCHEDULE.rescaledToZeroTerminalSnr();
    assertThat(weights(TimestepWeighting.minSnr(5), schedule)[999]).isFinite();
    assertThat(weights(TimestepWeighting.inverseSnr(0.1), schedule)[999]).isFinite();
  }

  @Test
  void namesEveryNumber() {
    assertThat(
            TimestepWeighting.inverseSnr(0.1).mixedWith(0.75, TimestepWeighting.minSnr(5)).name())
        .isEqualTo("0.75*1/(snr+0.1)+0.25*min(snr,5.0)/snr");
  }

  @Test
  void refusesNumbersOutOfRange() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TimestepWeighting.inverseSnr(0))
        .withMessageContaining("offset must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TimestepWeighting.minSnr(-1))
        .withMessageContaining("bound must be positive, was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TimestepWeighting.uniform().mixedWith(2, TimestepWeighting.uniform()))
        .withMessageContaining("share must be from 0 to 1, was 2");
  }
}
