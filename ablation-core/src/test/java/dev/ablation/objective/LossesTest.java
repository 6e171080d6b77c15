package dev.ablation.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.random.RandomStreams;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LossesTest {
  private static final int B = 3;
  private static final int C = 4;
  private static final int H = 2;
  private static final int W = 5;

  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  private final NDArray prediction = gaussian("prediction", new Shape(B, C, H, W));
  private final NDArray aim = gaussian("aim", new Shape(B, C, H, W));

  @AfterEach
  void close() {
    manager.close();
  }

  private NDArray gaussian(String purpose, Shape shape) {
    return RandomStreams.gaussian(manager, shape, RandomStreams.stream(9, purpose, 0));
  }

  /** The reference's order of operations, in double. */
  private double byHand(float[] mask) {
    float[] p = prediction.toFloatArray();
    float[] a = aim.toFloatArray();
    double mean = 0;
    for (int b = 0; b < B; b++) {
      double sum = 0;
      double pixels = 0;
      for (int pixel = 0; pixel < H * W; pixel++) {
        double weight = mask[b * H * W + pixel];
        pixels += weight;
        for (int c = 0; c < C; c++) {
          int at = (b * C + c) * H * W + pixel;
          sum += weight * ((double) p[at] - a[at]) * ((double) p[at] - a[at]);
        }
      }
      mean += sum / pixels / B;
    }
    return mean;
  }

  @Test
  void withoutAMaskIsChannelsTimesTheMeanSquaredError() {
    float[] ones = new float[B * H * W];
    java.util.Arrays.fill(ones, 1);
    NDArray loss = Losses.masked(prediction, aim, null);
    assertThat(loss.getShape()).isEqualTo(new Shape());
    assertThat(loss.getDataType()).isEqualTo(DataType.FLOAT32);
    assertThat((double) loss.getFloat()).isCloseTo(byHand(ones), within(1e-5));
    assertThat((double) prediction.sub(aim).square().mean().getFloat())
        .isCloseTo(byHand(ones) / C, within(1e-6));
  }

  @Test
  void weightedIsTheMeanOfTheImagesLossesTimesTheirWeights() {
    float[] mask = new float[B * H * W];
    for (int i = 0; i < mask.length; i++) {
      mask[i] = i % 3 == 0 ? 0 : 1;
    }
    NDArray masks = manager.create(mask, new Shape(B, 1, H, W));
    float[] weights = {0.5f, 0, 2};
    double expected = 0;
    double masked = 0;
    for (int b = 0; b < B; b++) {
      NDArray p = prediction.get(b + ":" + (b + 1));
      NDArray a = aim.get(b + ":" + (b + 1));
      NDArray m = masks.get(b + ":" + (b + 1));
      expected += weights[b] * Losses.masked(p, a, null).getFloat() / B;
      masked += weights[b] * Losses.masked(p, a, m).getFloat() / B;
    }
    NDArray given = manager.create(weights);
    assertThat((double) Losses.weighted(prediction, aim, null, given).getFloat())
        .isCloseTo(expected, within(1e-5));
    assertThat((double) Losses.weighted(prediction, aim, masks, given).getFloat())
        .isCloseTo(masked, within(1e-5));
  }

  @Test
  void withAMaskCountsThePixelsOfEachImageByThemselves() {
    float[] mask = new float[B * H * W];
    for (int i = 0; i < mask.length; i++) {
      mask[i] = i % (2 + i / (H * W)) == 0 ? 1 : 0;
    }
    NDArray loss = Losses.masked(prediction, aim, manager.create(mask, new Shape(B, 1, H, W)));
    assertThat(loss.getShape()).isEqualTo(new Shape());
    assertThat((double) loss.getFloat()).isCloseTo(byHand(mask), within(1e-5));
  }

  @Test
  void isNothingWhereThePredictionIsTheAim() {
    assertThat(Losses.masked(aim, aim, null).getFloat()).isZero();
  }

  private AblationObjective constant(String name, float value) {
    return AblationObjective.named(name, context -> manager.create(value));
  }

  @Test
  void objectivesAddAndScaleAsFloats() {
    AblationObjective sum = constant("one", 1).plus(constant("two", 2).times(0.25));
    assertThat(sum.name()).isEqualTo("one + 0.25 * two");
    NDArray loss = sum.loss(null);
    assertThat(loss.getFloat()).isEqualTo(1.5f);
    assertThat(loss.getShape()).isEqualTo(new Shape());
    assertThat(constant("one", 1).times(0.1).loss(null).getDataType()).isEqualTo(DataType.FLOAT32);
  }

  @Test
  void aSumNeedsWhatEitherPartNeeds() {
    AblationObjective prior = AblationObjective.priorPreservation();
    assertThat(prior.usesPriorBatch()).isTrue();
    assertThat(constant("one", 1).plus(prior.times(0.5)).usesPriorBatch()).isTrue();
    assertThat(prior.plus(constant("one", 1)).usesPriorBatch()).isTrue();
    assertThat(AblationObjective.named("p", prior).usesPriorBatch()).isTrue();
    assertThat(AblationObjective.modelBased().usesPriorBatch()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
  void refusesFactorsThatAreNotFinite(double factor) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AblationObjective.modelBased().times(factor))
        .withMessage("factor must be finite, was " + factor);
  }

  @Test
  void aBatchHasOneSize() {
    NDArray two = gaussian("two", new Shape(2, C, H, W));
    NDArray timesteps = manager.create(new long[] {1, 2, 3});
    List<String> prompts = List.of("a", "b", "c");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TrainingBatch(aim, two, timesteps, prompts, prompts))
        .withMessage("noise: expected (3, 4, 2, 5), was (2, 4, 2, 5)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TrainingBatch(two, two, timesteps, prompts, prompts))
        .withMessage("timesteps: expected (2), was (3)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TrainingBatch(aim, aim, timesteps, prompts, List.of("a")))
        .withMessageContaining("3 anchor prompts and 1 target prompts");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TrainingBatch(aim, aim, timesteps, prompts, prompts).mask(aim))
        .withMessage("mask: expected (3, 1, 2, 5), was (3, 4, 2, 5)");
  }

  @Test
  void aLambdaMustBeGivenAName() {
    AblationObjective lambda = context -> manager.create(1f);
    AblationObjective anonymous =
        new AblationObjective() {
          @Override
          public NDArray loss(ObjectiveContext context) {
            return manager.create(1f);
          }
        };
    for (AblationObjective nameless : List.of(lambda, anonymous)) {
      assertThatIllegalArgumentException()
          .isThrownBy(nameless::name)
          .withMessageContaining("AblationObjective.named(");
      assertThatIllegalArgumentException().isThrownBy(() -> nameless.times(2));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> AblationObjective.modelBased().plus(nameless));
    }
    assertThat(AblationObjective.named("mine", lambda).times(2).name()).isEqualTo("2.0 * mine");
  }
}
