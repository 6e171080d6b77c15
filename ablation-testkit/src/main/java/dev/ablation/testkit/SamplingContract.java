package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.PromptTokenizer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/**
 * The rules for every model, regardless of its capabilities: it describes itself, encodes prompts,
 * predicts, and leaves no arrays behind.
 */
public abstract class SamplingContract extends ModelContract {
  private static final List<Class<?>> KNOWN =
      List.of(
          LatentCodec.class,
          Differentiable.class,
          LoraTraining.class,
          PromptTokenizer.class,
          InputDifferentiable.class,
          CheckpointExport.class);

  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected SamplingContract(ModelFixture fixture) {
    super(fixture);
  }

  @Test
  final void hasTheCapabilitiesThatItsTestNames() {
    for (Class<?> type : KNOWN) {
      assertThat(model.capability(type).isPresent())
          .as(type.getSimpleName())
          .isEqualTo(fixture.capabilities().contains(type));
    }
  }

  @Test
  final void lacksCapabilitiesThatNobodyKnows() {
    assertThat(model.capability(Runnable.class)).isEmpty();
  }

  @Test
  final void hasAScheduleAndAPredictionType() {
    assertThat(model.schedule().steps()).isPositive();
    assertThat(model.schedule().supports(model.predictionType())).isTrue();
    assertThat(model.descriptor().device()).isEqualTo(model.manager().getDevice());
  }

  @Test
  final void closesOnceAndForAll() {
    assertThat(model.isClosed()).isFalse();
    model.close();
    assertThat(model.isClosed()).isTrue();
    model.close();
    assertThat(model.isClosed()).isTrue();
  }

  // Conditioning

  @Test
  final void encodesPromptsToArraysWithARowForEach() {
    Conditioning conditioning = model.encode(fixture.prompts(), scope);
    assertThat(conditioning.textEmbeddings().getShape().dimension()).isEqualTo(3);
    assertThat(conditioning.batchSize()).isEqualTo(fixture.prompts().size());
    conditioning
        .arrays()
        .forEach((name, array) -> {
          assertThat(array.getShape().get(0)).as(name).isEqualTo(fixture.prompts().size());
          assertThat(array.getDataType()).as(name).isEqualTo(DataType.FLOAT32);
          assertThat(array.getDevice()).as(name).isEqualTo(model.descriptor().device());
          assertFinite(array);
        });
  }

  @Test
  final void encodesForItsOwnSizeUnlessToldAnother() {
    Conditioning own = model.encode(fixture.prompts(), model.descriptor().latentSize(), scope);
    Conditioning unsaid = model.encode(fixture.prompts(), scope);
    assertThat(unsaid.names()).isEqualTo(own.names());
    own.arrays()
        .forEach(
            (name, array) -> assertThat(bits(unsaid.get(name))).as(name).isEqualTo(bits(array)));
  }

  @Test
  final void handsTheConditioningToTheGivenScope() {
    NDManager own = model.manager().newSubManager();
    Conditioning conditioning = model.encode(fixture.prompts(), own);
    conditioning.arrays().values().forEach(array -> assertThat(array.getManager()).isSameAs(own));
    own.close();
    assertThat(conditioning.arrays().values()).allMatch(NDArray::isReleased);
  }

  @Test
  final void encodesEveryPromptByItself() {
    Conditioning together = model.encode(fixture.prompts(), scope);
    for (int i = 0; i < fixture.prompts().size(); i++) {
      Conditioning alone = model.encode(List.of(fixture.prompts().get(i)), scope);
      Conditioning row = together.get(i);
      alone.arrays().forEach((name, array) -> assertClose(row.get(name), array));
    }
  }

  @Test
  final void encodesTheSamePromptToTheSameBits() {
    assertThat(bits(model.encode(fixture.prompts(), scope).textEmbeddings()))
        .isEqualTo(bits(model.encode(fixture.prompts(), scope).textEmbeddings()));
  }

  @Test
  final void encodesTheEmptyPrompt() {
    assertFinite(model.encode(List.of(""), scope).textEmbeddings());
  }

  @Test
  final void cutsAPromptThatIsTooLong() {
    NDArray one = model.encode(List.of(tooLong("zebra")), scope).textEmbeddings();
    NDArray two = model.encode(List.of(tooLong("apple")), scope).textEmbeddings();
    assertThat(one.getShape().get(1)).isEqualTo(contextLength());
    assertThat(bits(one)).as("what is cut changes nothing").isEqualTo(bits(two));
  }

  @Test
  final void refusesToEncodeNothing() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> model.encode(List.of(), scope))
        .withMessageContaining("prompts");
  }

  // Prediction

  @Test
  final void predictsInTheShapeOfTheLatents() {
    NDArray prediction = predict(input(3));
    assertThat(prediction.getShape()).isEqualTo(latentShape(3));
    assertThat(prediction.getDataType()).isEqualTo(DataType.FLOAT32);
    assertThat(prediction.getDevice()).isEqualTo(model.descriptor().device());
    assertFinite(prediction);
  }

  @Test
  final void handsThePredictionToTheManagerOfTheLatents() {
    NDManager own = model.manager().newSubManager();
    Input input = input(2);
    input.latents().attach(own);
    NDArray prediction = predict(input);
    assertThat(prediction.getManager()).isSameAs(own);
    own.close();
    assertThat(prediction.isReleased()).isTrue();
    assertThat(input.timesteps().isReleased()).isFalse();
    assertThat(input.conditioning().textEmbeddings().isReleased()).isFalse();
  }

  @Test
  final void leavesTheArgumentsAsTheyAre() {
    Input input = input(2);
    int[] latents = bits(input.latents());
    double[] timesteps = model.schedule().toTimes(input.timesteps());
    int[] states = bits(input.conditioning().textEmbeddings());
    predict(input);
    assertThat(bits(input.latents())).isEqualTo(latents);
    assertThat(model.schedule().toTimes(input.timesteps())).isEqualTo(timesteps);
    assertThat(bits(input.conditioning().textEmbeddings())).isEqualTo(states);
  }

  @Test
  final void predictsTheSameBitsAgain() {
    Input input = input(2);
    int[] first = bits(predict(input));
    predict(input(1));
    assertThat(bits(predict(input))).isEqualTo(first);
  }

  @Test
  final void predictsTheSameBitsOnAnotherThread() {
    Input input = input(2);
    int[] here = bits(predict(input));
    assertThat(CompletableFuture.supplyAsync(() -> bits(predict(input))).join()).isEqualTo(here);
  }

  @Test
  final void equalModelsPredictTheSameBits() throws Exception {
    int[] mine = bits(predict(input(2)));
    model.close();
    openModel();
    assertThat(bits(predict(input(2)))).isEqualTo(mine);
  }

  @Test
  final void predictsEveryRowByItself() {
    Input all = input(3);
    NDArray together = predict(all);
    for (int i = 0; i < 3; i++) {
      String row = i + ":" + (i + 1);
      NDArray alone =
          model.predict(
              all.latents().get(row), all.timesteps().get(row), all.conditioning().get(i));
      assertClose(together.get(row), alone);
    }
  }

  @Test
  final void takesTimestepsOfEitherType() {
    Input input = input(2);
    assumeTrue(input.timesteps().getDataType() == DataType.INT64, "continuous times");
    NDArray fractional = input.timesteps().toType(DataType.FLOAT32, true);
    assertClose(model.predict(input.latents(), fractional, input.conditioning()), predict(input));
  }

  @Test
  final void dependsOnThePrompt() {
    NDArray prediction = predict(input(1));
    Conditioning other = model.encode(fixture.prompts().subList(1, 2), scope);
    NDArray changed = model.predict(input(1).latents(), input(1).timesteps(), other);
    assertThat(bits(changed)).isNotEqualTo(bits(prediction));
  }

  @Test
  final void dependsOnTheTimestep() {
    Input input = input(1);
    NDArray last = model.schedule().toArray(new double[] {model.schedule().maxTime()}, scope);
    assertThat(bits(model.predict(input.latents(), last, input.conditioning())))
        .isNotEqualTo(bits(predict(input)));
  }

  @Test
  final void refusesLatentsWithOtherChannels() {
    Input input = input(2);
    ModelDescriptor shape = model.descriptor();
    NDArray wrong =
        scope.zeros(
            new Shape(2, shape.latentChannels() + 1, shape.latentHeight(), shape.latentWidth()));
    assertRefused(
        "latents",
        wrong.getShape(),
        () -> model.predict(wrong, input.timesteps(), input.conditioning()));
  }

  @Test
  final void refusesLatentsWithoutABatch() {
    Input input = input(1);
    NDArray wrong = input.latents().squeeze(0);
    assertRefused(
        "latents",
        wrong.getShape(),
        () -> model.predict(wrong, input.timesteps(), input.conditioning()));
  }

  @Test
  final void refusesTimestepsOfAnotherBatch() {
    Input input = input(2);
    NDArray wrong = scope.create(new long[] {1, 2, 3});
    assertRefused(
        "timesteps",
        wrong.getShape(),
        () -> model.predict(input.latents(), wrong, input.conditioning()));
  }

  @Test
  final void refusesConditioningOfAnotherBatch() {
    Input input = input(2);
    Conditioning wrong = input.conditioning().get(0);
    assertRefused(
        "conditioning",
        wrong.textEmbeddings().getShape(),
        () -> model.predict(input.latents(), input.timesteps(), wrong));
  }

  @Test
  final void refusesConditioningOfAnotherWidth() {
    Input input = input(2);
    Conditioning right = input.conditioning();
    Shape shape = right.textEmbeddings().getShape();
    Conditioning wrong =
        right.with(Conditioning.TEXT, scope.zeros(new Shape(2, shape.get(1), shape.get(2) + 1)));
    assertRefused(
        "conditioning",
        wrong.textEmbeddings().getShape(),
        () -> model.predict(input.latents(), input.timesteps(), wrong));
  }

  @Test
  final void refusesConditionsThatItDoesNotTake() {
    Input input = input(2);
    Conditioning more = input.conditioning().with("no_such_condition", scope.zeros(new Shape(2)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> model.predict(input.latents(), input.timesteps(), more))
        .withMessageContaining("no_such_condition");
  }

  @Test
  final void dependsOnEveryConditionThatItEncodes() {
    Input input = input(1);
    int[] prediction = bits(predict(input));
    input
        .conditioning()
        .arrays()
        .forEach((name, array) -> {
          Conditioning other = input.conditioning().with(name, disturbed(array));
          assertThat(bits(model.predict(input.latents(), input.timesteps(), other)))
              .as(name)
              .isNotEqualTo(prediction);
        });
  }

  @Test
  final void leavesNoArraysBehind() {
    scope.close();
    encodeAndPredictOnce();
    int before = managedArrays();
    for (int i = 0; i < 3; i++) {
      encodeAndPredictOnce();
    }
    assertThat(managedArrays()).isEqualTo(before);
  }

  private void encodeAndPredictOnce() {
    scope = model.manager().newSubManager();
    encodeAndPredict();
    scope.close();
  }

  @Test
  final void leavesNoArraysBehindWhenItRefuses() {
    Input input = input(2);
    NDArray wrong = scope.create(new long[] {1, 2, 3});
    int before = managedArrays();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> model.predict(input.latents(), wrong, input.conditioning()));
    assertThat(managedArrays()).isEqualTo(before);
  }
}
