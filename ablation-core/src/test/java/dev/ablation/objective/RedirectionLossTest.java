package dev.ablation.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.random.RandomStreams;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The formulas by hand, number by number, for every kind of network. */
class RedirectionLossTest {
  private static final int B = 3;
  private static final Shape SHAPE = new Shape(B, 2, 3, 2);

  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  private final NDArray latents = gaussian("latents");
  private final NDArray aim = gaussian("aim");
  private final NDArray noise = gaussian("noise");

  private NDArray gaussian(String purpose) {
    return RandomStreams.gaussian(manager, SHAPE, RandomStreams.stream(4, purpose, 0));
  }

  @AfterEach
  void close() {
    manager.close();
  }

  static Stream<Arguments> networks() {
    NoiseSchedule schedule = NoiseSchedule.stableDiffusion();
    return Stream.of(
        Arguments.of(schedule, PredictionType.EPSILON),
        Arguments.of(schedule, PredictionType.V_PREDICTION),
        Arguments.of(schedule, PredictionType.SAMPLE),
        Arguments.of(NoiseSchedule.rectifiedFlow(), PredictionType.FLOW));
  }

  private NDArray times(NoiseSchedule schedule) {
    return schedule.toArray(
        new double[] {schedule.timeAt(0.3), schedule.timeAt(0.6), schedule.timeAt(0.9)}, manager);
  }

  private NDArray target(NoiseSchedule schedule, PredictionType type) {
    return Losses.redirectionTarget(schedule, type, latents, aim, noise, times(schedule));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void theTargetIsThatOfTheFormula(NoiseSchedule schedule, PredictionType type) {
    double[] times = schedule.toTimes(times(schedule));
    float[] found = target(schedule, type).toFloatArray();
    float[] x = latents.toFloatArray();
    float[] to = aim.toFloatArray();
    float[] n = noise.toFloatArray();
    int each = found.length / B;
    for (int i = 0; i < found.length; i++) {
      double a = schedule.alpha(times[i / each]);
      double s = schedule.sigma(times[i / each]);
      double e = (a * x[i] + s * n[i] - a * to[i]) / s;
      double expected =
          switch (type) {
            case EPSILON -> e;
            case V_PREDICTION -> a * e - s * to[i];
            case FLOW -> e - to[i];
            case SAMPLE -> to[i];
          };
      assertThat((double) found[i]).isEqualTo(expected, within(1e-5 * (1 + Math.abs(expected))));
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void theTargetLeadsToTheOtherImage(NoiseSchedule schedule, PredictionType type) {
    NDArray at = times(schedule);
    NDArray noised = schedule.addNoise(latents, noise, at);
    float[] led = schedule.predictOriginal(type, noised, target(schedule, type), at).toFloatArray();
    float[] expected = aim.toFloatArray();
    for (int i = 0; i < led.length; i++) {
      assertThat((double) led[i]).isEqualTo(expected[i], within(2e-5));
    }
  }

  /** For any prediction, not only for a good one. */
  @ParameterizedTest
  @MethodSource("networks")
  void theErrorIsThatOfTheCleanImageWhateverTheNetworkPredicts(
      NoiseSchedule schedule, PredictionType type) {
    NDArray at = times(schedule);
    NDArray prediction = gaussian("prediction");
    double loss =
        Losses.redirection(schedule, type, prediction, target(schedule, type), at, manager)
            .getFloat();
    float[] clean =
        schedule
            .predictOriginal(type, schedule.addNoise(latents, noise, at), prediction, at)
            .toFloatArray();
    float[] to = aim.toFloatArray();
    double[] times = schedule.toTimes(at);
    double expected = 0;
    for (int i = 0; i < clean.length; i++) {
      double a = schedule.alpha(times[i / (clean.length / B)]);
      expected += Math.pow(a * ((double) clean[i] - to[i]), 2) / clean.length;
    }
    assertThat(loss).isEqualTo(expected, within(1e-5 * (1 + expected)));
  }
}
