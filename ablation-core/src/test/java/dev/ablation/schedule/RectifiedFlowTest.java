package dev.ablation.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class RectifiedFlowTest {
  private final NDManager manager = NDManager.newBaseManager();
  private final RectifiedFlow flow = NoiseSchedule.rectifiedFlow().shift(SigmaShift.constant(3));

  @AfterEach
  void free() {
    manager.close();
  }

  @Test
  void isTheStraightLineFromSampleToNoise() {
    NDArray x0 = manager.randomNormal(new Shape(2, 3));
    NDArray noise = manager.randomNormal(new Shape(2, 3));
    NDArray timesteps = flow.toArray(new double[] {250, 1000}, manager);
    assertThat(timesteps.getDataType()).isEqualTo(DataType.FLOAT32);
    NDArray noised = flow.addNoise(x0, noise, timesteps);
    assertThat(noised.get(0).toFloatArray())
        .containsExactly(
            x0.get(0).mul(0.75).add(noise.get(0).mul(0.25)).toFloatArray(), within(1e-6f));
    assertThat(noised.get(1).toFloatArray())
        .containsExactly(noise.get(1).toFloatArray(), within(1e-6f));
    assertThat(flow.target(PredictionType.FLOW, x0, noise, timesteps).toFloatArray())
        .containsExactly(noise.sub(x0).toFloatArray());
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "V_PREDICTION")
  void theOriginalFollowsFromAPerfectPrediction(PredictionType type) {
    NDArray x0 = manager.randomNormal(new Shape(3, 4, 2, 2));
    NDArray noise = manager.randomNormal(new Shape(3, 4, 2, 2));
    NDArray timesteps = flow.toArray(new double[] {0.5, 333.25, 900}, manager);
    NDArray sample = flow.addNoise(x0, noise, timesteps);
    NDArray perfect = flow.target(type, x0, noise, timesteps);
    assertThat(flow.predictOriginal(type, sample, perfect, timesteps).toFloatArray())
        .containsExactly(x0.toFloatArray(), within(2e-5f));
  }

  @Test
  void trainingTimesFallFromNoiseAndAreShiftedOnce() {
    assertThat(flow.time(0)).isEqualTo(1000);
    assertThat(flow.time(999)).isCloseTo(1000 * 0.003 / 1.002, within(1e-9));
    assertThat(flow.timeAt(0.5)).isCloseTo(1000 * 1.5 / 2, within(1e-9));
    double[] times = new double[1000];
    Arrays.setAll(times, flow::time);
    assertThat(
            Arrays.equals(times, Arrays.stream(times).map(t -> -t).sorted().map(t -> -t).toArray()))
        .as("falling")
        .isTrue();
    assertThat(Arrays.stream(times)).allMatch(t -> t > flow.minTime() && t <= flow.maxTime());
  }

  @ParameterizedTest
  @ValueSource(doubles = {1, 1000})
  void theNetworksTimeIsSigmaTimesItsScale(double scale) {
    RectifiedFlow scaled = flow.timeScale(scale);
    for (double sigma : new double[] {0, 0.25, 1}) {
      double time = scaled.timeOfSigma(sigma);
      assertThat(time).isEqualTo(scale * sigma);
      assertThat(scaled.sigma(time)).isEqualTo(sigma);
      assertThat(scaled.alpha(time)).isEqualTo(1 - sigma);
    }
    assertThat(scaled.snr(scaled.timeOfSigma(0.25))).isCloseTo(9, within(1e-12));
    assertThat(scaled.snr(0)).isInfinite();
    assertThat(scaled.snr(scaled.maxTime())).isZero();
  }

  @Test
  void walksDownFromAnyShareOfTheProcess() {
    assertThat(NoiseSchedule.rectifiedFlow().descendingTimes(0.5, 2)).containsExactly(500, 250);
    assertThat(flow.descendingTimes(1, 3)[0]).isEqualTo(1000);
  }

  @Test
  void theDynamicShiftGrowsWithTheNumberOfTokens() {
    SigmaShift shift = SigmaShift.dynamic();
    Shape small = new Shape(16, 32, 32);
    Shape large = new Shape(16, 128, 128);
    assertThat(SigmaShift.dynamic().mu(256)).isEqualTo(0.5);
    assertThat(SigmaShift.dynamic().mu(4096)).isCloseTo(1.15, within(1e-12));
    assertThat(shift.ofSampling(0.5, small, 4))
        .isCloseTo(Math.exp(0.5) / (Math.exp(0.5) + 1), within(1e-12));
    assertThat(shift.ofSampling(0.5, large, 4)).isGreaterThan(shift.ofSampling(0.5, small, 4));
    assertThat(shift.ofSampling(0, small, 4)).isZero();
    assertThat(shift.ofSampling(1, small, 4)).isEqualTo(1);
    assertThat(shift.ofTraining(0.3)).isEqualTo(0.3);
  }

  @Test
  void schedulesAreValuesThatNameEveryNumber() {
    assertThat(NoiseSchedule.rectifiedFlow().shift(SigmaShift.constant(3)))
        .isEqualTo(flow)
        .hasSameHashCodeAs(flow)
        .hasToString(
            "rectified_flow(timeScale=1000.0, steps=1000, shift=constant(3.0),"
                + " sampling=logit_normal(mean=0.0, deviation=1.0))");
    assertThat(flow)
        .isNotEqualTo(flow.shift(SigmaShift.dynamic()))
        .isNotEqualTo(flow.timestepSampling(TimestepSampling.uniform()))
        .isNotEqualTo(flow.steps(10))
        .isNotEqualTo(flow.timeScale(1));
    assertThat(SigmaShift.dynamic()).isEqualTo(SigmaShift.dynamic().linear(false));
  }

  @Test
  void wrongArgumentsAreNamed() {
    NDArray x = manager.ones(new Shape(2, 3));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> flow.addNoise(x, x, manager.create(new long[] {1, 2})))
        .withMessage("timesteps: expected float32, was int64");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> flow.addNoise(x, x, manager.create(new float[] {1, 1001})))
        .withMessage("timesteps must be in [0, 1000.0], was 1001.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            flow.target(PredictionType.V_PREDICTION, x, x, manager.create(new float[] {1, 1})))
        .withMessageContaining("V_PREDICTION is not defined on the schedule rectified_flow");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> flow.sigma(-1))
        .withMessageContaining("time must be in [0, 1000.0], was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> flow.timeScale(0))
        .withMessageContaining("timeScale must be positive");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SigmaShift.constant(-1))
        .withMessageContaining("factor must be positive, was -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SigmaShift.dynamic().tokens(5, 5))
        .withMessageContaining("baseTokens must be positive and below maxTokens, were 5 and 5");
    NoiseSchedule discrete = NoiseSchedule.stableDiffusion();
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> discrete.target(PredictionType.FLOW, x, x, manager.create(new long[] {1, 1})))
        .withMessageContaining("FLOW is not defined on the schedule scaled_linear");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> discrete.alpha(0.5))
        .withMessageContaining("time must be a whole timestep in [0, 1000), was 0.5");
  }
}
