package dev.ablation.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NoiseScheduleTest {
  private final NDManager manager = NDManager.newBaseManager();
  private final VariancePreservingSchedule schedule = NoiseSchedule.stableDiffusion();

  @AfterEach
  void free() {
    manager.close();
  }

  @Test
  void betasRunBetweenTheirEnds() {
    VariancePreservingSchedule linear = NoiseSchedule.linear(11, 0.1, 0.2);
    assertThat(linear.beta(0)).isEqualTo(0.1);
    assertThat(linear.beta(5)).isCloseTo(0.15, Offset.offset(1e-12));
    assertThat(linear.beta(10)).isCloseTo(0.2, Offset.offset(1e-12));
    double middle = Math.pow((Math.sqrt(0.1) + Math.sqrt(0.2)) / 2, 2);
    assertThat(NoiseSchedule.scaledLinear(11, 0.1, 0.2).beta(5))
        .isCloseTo(middle, Offset.offset(1e-12));
    assertThat(NoiseSchedule.cosine(10).beta(9)).isEqualTo(0.999);
    assertThat(NoiseSchedule.ofBetas(0.5, 0.25).alphaCumprod(1)).isEqualTo(0.375);
    assertThat(NoiseSchedule.linear(1, 0.1, 0.2).beta(0)).isEqualTo(0.1);
  }

  @Test
  void signalToNoiseRatioAndNoiseLevelFollowFromAlpha() {
    double alpha = schedule.alphaCumprod(500);
    assertThat(schedule.snr(500)).isEqualTo(alpha / (1 - alpha));
    assertThat(schedule.noiseLevel(500))
        .isCloseTo(Math.pow(schedule.snr(500), -0.5), Offset.offset(1e-12));
  }

  @Test
  void rescalingKeepsTheFirstAlphaAndEndsInNoiseAlone() {
    VariancePreservingSchedule rescaled = schedule.rescaledToZeroTerminalSnr();
    assertThat(rescaled.alphaCumprod(0)).isCloseTo(schedule.alphaCumprod(0), Offset.offset(1e-7));
    assertThat(rescaled.alphaCumprod(999)).isZero();
    assertThat(rescaled.snr(999)).isZero();
    assertThat(rescaled.noiseLevel(999)).isInfinite();
    assertThat(rescaled.alphaCumprod(500)).isLessThan(schedule.alphaCumprod(500));
  }

  @Test
  void eachItemIsNoisedAtItsOwnTimestep() {
    NDArray x0 = manager.create(new float[] {1, 2, 3, 4}, new Shape(2, 2));
    NDArray noise = manager.create(new float[] {5, 6, 7, 8}, new Shape(2, 2));
    NDArray noised = schedule.addNoise(x0, noise, manager.create(new long[] {0, 999}));
    double first = schedule.alphaCumprod(0);
    double last = schedule.alphaCumprod(999);
    assertThat(noised.toFloatArray())
        .containsExactly(
            new float[] {
              (float) (Math.sqrt(first) + Math.sqrt(1 - first) * 5),
              (float) (Math.sqrt(first) * 2 + Math.sqrt(1 - first) * 6),
              (float) (Math.sqrt(last) * 3 + Math.sqrt(1 - last) * 7),
              (float) (Math.sqrt(last) * 4 + Math.sqrt(1 - last) * 8)
            },
            Offset.offset(1e-6f));
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "FLOW")
  void thePredictedOriginalOfThePerfectAnswerIsTheOriginal(PredictionType type) {
    NDArray x0 = manager.randomNormal(new Shape(3, 4, 2, 2));
    NDArray noise = manager.randomNormal(new Shape(3, 4, 2, 2));
    NDArray timesteps = manager.create(new long[] {0, 500, 999});
    NDArray sample = schedule.addNoise(x0, noise, timesteps);
    NDArray answer = schedule.target(type, x0, noise, timesteps);
    float[] original = schedule.predictOriginal(type, sample, answer, timesteps).toFloatArray();
    assertThat(original).containsExactly(x0.toFloatArray(), Offset.offset(1e-5f));
  }

  @Test
  void callsFreeWhatTheyMakeOnTheWay() {
    NDArray x0 = manager.ones(new Shape(2, 3));
    NDArray noise = manager.ones(new Shape(2, 3));
    NDArray timesteps = manager.create(new long[] {1, 2});
    int before = manager.getManagedArrays().size();
    schedule.addNoise(x0, noise, timesteps).close();
    schedule.target(PredictionType.V_PREDICTION, x0, noise, timesteps).close();
    schedule.target(PredictionType.EPSILON, x0, noise, timesteps).close();
    schedule.predictOriginal(PredictionType.EPSILON, x0, noise, timesteps).close();
    assertThat(manager.getManagedArrays()).hasSize(before);
  }

  @Test
  void schedulesAreValues() {
    assertThat(NoiseSchedule.stableDiffusion()).isEqualTo(schedule).hasSameHashCodeAs(schedule);
    assertThat(schedule).isNotEqualTo(NoiseSchedule.linear(1000, 0.00085, 0.012));
    assertThat(schedule).hasToString("scaled_linear(steps=1000, betas=8.5E-4..0.012)");
  }

  @Test
  void wrongArgumentsAreNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NoiseSchedule.linear(0, 0.1, 0.2))
        .withMessage("steps must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NoiseSchedule.linear(10, 0, 0.2))
        .withMessage("betaStart must be above 0 and at most 1, was 0.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NoiseSchedule.ofBetas(0.1, Double.NaN))
        .withMessage("betas must be above 0 and at most 1, was NaN at timestep 1");
    assertThatThrownBy(() -> schedule.alphaCumprod(1000))
        .isInstanceOf(IndexOutOfBoundsException.class);

    NDArray x = manager.ones(new Shape(2, 3));
    NDArray timesteps = manager.create(new long[] {1, 2});
    assertThatIllegalArgumentException()
        .isThrownBy(() -> schedule.addNoise(x, manager.ones(new Shape(2, 4)), timesteps))
        .withMessage("noise: expected (2, 3), was (2, 4)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> schedule.addNoise(x, x, manager.create(new long[] {1})))
        .withMessage("timesteps: expected (2), was (1)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> schedule.addNoise(x, x, timesteps.toType(DataType.FLOAT32, true)))
        .withMessage("timesteps: expected int64, was float32");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> schedule.addNoise(x, x, manager.create(new long[] {1, 1000})))
        .withMessage("timesteps must be in [0, 1000), was 1000");
  }
}
