package dev.ablation.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.PromptTokenizer.Tokens;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.random.RandomStreams;
import dev.ablation.testing.JavaBuffers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.DoubleFunction;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * What every {@link DiffusionModel} keeps to. An adapter's test extends this class and opens a
 * small model; each rule is then a test of its own:
 *
 * <pre>{@code
 * class MyModelContractTest extends DiffusionModelContract {
 *   @Override
 *   protected DiffusionModel open() {
 *     return MyModel.open(Path.of("src/test/resources/small-model"));
 *   }
 *
 *   @Override
 *   protected Set<Class<?>> capabilities() {
 *     return Set.of(Differentiable.class, LatentCodec.class);
 *   }
 * }
 * }</pre>
 *
 * <p>Rules of capabilities that the model lacks are skipped. The class is in the test jar of this
 * module (classifier {@code tests}) and needs JUnit 5 and AssertJ beside it.
 */
public abstract class DiffusionModelContract {
  private static final List<Class<?>> KNOWN =
      List.of(
          LatentCodec.class,
          Differentiable.class,
          LoraTraining.class,
          PromptTokenizer.class,
          InputDifferentiable.class,
          CheckpointExport.class);

  private static final Lora LORA = Lora.rank(2).alpha(3);

  private DiffusionModel model;
  private NDManager scope;

  /** For subclasses. */
  protected DiffusionModelContract() {}

  /**
   * Opens a fresh model, equal to all others that this method opens. The test closes it.
   *
   * @return the model
   * @throws Exception if it cannot be opened
   */
  protected abstract DiffusionModel open() throws Exception;

  /**
   * Returns which capabilities the model has; one that is missing, or there without being named,
   * fails.
   *
   * @return the interfaces
   */
  protected abstract Set<Class<?>> capabilities();

  /**
   * Opens what {@link CheckpointExport} wrote. Needed if the model has that capability.
   *
   * @param folder of the checkpoint
   * @return the model; the test closes it
   * @throws Exception if it cannot be opened
   */
  protected DiffusionModel reopen(Path folder) throws Exception {
    throw new UnsupportedOperationException("override reopen(Path)");
  }

  /**
   * Returns how far one row of a batch may be from the same row alone, and an image's latents from
   * those of the same image again.
   *
   * @return an absolute tolerance, for values around 1
   */
  protected double tolerance() {
    return 1e-4;
  }

  /**
   * Returns how far {@code encode(decode(z))} may be from z, as a share of the norm of z.
   *
   * @return a relative tolerance; infinity if an autoencoder without training is tested
   */
  protected double codecTolerance() {
    return Double.POSITIVE_INFINITY;
  }

  /**
   * Returns three prompts that the model reads differently; none is too long for it.
   *
   * @return the prompts
   */
  protected List<String> prompts() {
    return List.of("a photo of a cat", "a photo of a dog", "painting");
  }

  /**
   * Returns the names of the weights that training is tested on.
   *
   * @return some names; unless overridden the first keys and values of cross-attention
   */
  protected List<String> trained() {
    return WeightGroup.crossAttentionKeyValue().select(model.weights()).stream()
        .limit(4)
        .map(WeightInfo::name)
        .toList();
  }

  /**
   * Returns the names of the weights that low-rank training is tested on.
   *
   * @return some names; unless overridden the first weight of each role and number of dimensions
   *     that has a low-rank form
   */
  protected List<String> trainedInLowRank() {
    LoraTraining training = require(LoraTraining.class);
    Set<String> seen = new HashSet<>();
    return model.weights().list().stream()
        .filter(info -> training.hasLowRankForm(info.name()))
        .filter(info -> seen.add(info.role() + " " + info.shape().dimension()))
        .map(WeightInfo::name)
        .toList();
  }

  @BeforeEach
  final void openModel() throws Exception {
    model = open();
    scope = model.manager().newSubManager();
  }

  @AfterEach
  final void closeModel() {
    model.close();
  }

  // What is fixed

  @Test
  final void hasTheCapabilitiesThatItsTestNames() {
    for (Class<?> type : KNOWN) {
      assertThat(model.capability(type).isPresent())
          .as(type.getSimpleName())
          .isEqualTo(capabilities().contains(type));
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
    Conditioning conditioning = model.encode(prompts(), scope);
    assertThat(conditioning.textEmbeddings().getShape().dimension()).isEqualTo(3);
    assertThat(conditioning.batchSize()).isEqualTo(prompts().size());
    conditioning
        .arrays()
        .forEach((name, array) -> {
          assertThat(array.getShape().get(0)).as(name).isEqualTo(prompts().size());
          assertThat(array.getDataType()).as(name).isEqualTo(DataType.FLOAT32);
          assertThat(array.getDevice()).as(name).isEqualTo(model.descriptor().device());
          assertFinite(array);
        });
  }

  @Test
  final void encodesForItsOwnSizeUnlessToldAnother() {
    Conditioning own = model.encode(prompts(), model.descriptor().latentSize(), scope);
    Conditioning unsaid = model.encode(prompts(), scope);
    assertThat(unsaid.names()).isEqualTo(own.names());
    own.arrays()
        .forEach(
            (name, array) -> assertThat(bits(unsaid.get(name))).as(name).isEqualTo(bits(array)));
  }

  @Test
  final void handsTheConditioningToTheGivenScope() {
    NDManager own = model.manager().newSubManager();
    Conditioning conditioning = model.encode(prompts(), own);
    conditioning.arrays().values().forEach(array -> assertThat(array.getManager()).isSameAs(own));
    own.close();
    assertThat(conditioning.arrays().values()).allMatch(NDArray::isReleased);
  }

  @Test
  final void encodesEveryPromptByItself() {
    Conditioning together = model.encode(prompts(), scope);
    for (int i = 0; i < prompts().size(); i++) {
      Conditioning alone = model.encode(List.of(prompts().get(i)), scope);
      Conditioning row = together.get(i);
      alone.arrays().forEach((name, array) -> assertClose(row.get(name), array));
    }
  }

  @Test
  final void encodesTheSamePromptToTheSameBits() {
    assertThat(bits(model.encode(prompts(), scope).textEmbeddings()))
        .isEqualTo(bits(model.encode(prompts(), scope).textEmbeddings()));
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
    Conditioning other = model.encode(prompts().subList(1, 2), scope);
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

  // Weights

  @Test
  final void listsWeightsByDifferentNames() {
    List<WeightInfo> list = model.weights().list();
    assertThat(list).isNotEmpty();
    assertThat(list).extracting(WeightInfo::name).doesNotHaveDuplicates();
    assertThatThrownBy(() -> list.remove(0)).isInstanceOf(UnsupportedOperationException.class);
    for (WeightInfo info : list) {
      assertThat(model.weights().get(info.name()).getShape())
          .as(info.name())
          .isEqualTo(info.shape());
    }
  }

  @Test
  final void hasKeysAndValuesOfCrossAttention() {
    assertThat(model.weights().list())
        .extracting(WeightInfo::role)
        .contains(WeightRole.CROSS_ATTENTION_KEY, WeightRole.CROSS_ATTENTION_VALUE);
  }

  @TestFactory
  final Stream<DynamicTest> refusesUnknownNames() {
    Weights weights = model.weights();
    NDArray array = scope.zeros(new Shape(1));
    Map<String, ThrowingCallable> calls = new LinkedHashMap<>();
    calls.put("get", () -> weights.get("no such weight"));
    calls.put("bind", () -> weights.bind("no such weight", array));
    calls.put("unbind", () -> weights.bind("no such weight", null));
    calls.put("isBound", () -> weights.isBound("no such weight"));
    calls.put("overwrite", () -> weights.overwrite("no such weight", array));
    calls.put("sha256", () -> weights.sha256("no such weight"));
    return calls.entrySet().stream()
        .map(call ->
            dynamicTest(
                call.getKey(),
                () ->
                    assertThatIllegalArgumentException()
                        .isThrownBy(call.getValue())
                        .withMessageContaining("no such weight")));
  }

  @TestFactory
  final Stream<DynamicTest> computesWithWhatIsBound() {
    return probes().map(info -> dynamicTest(info.role() + " " + info.name(), () -> bind(info)));
  }

  private void bind(WeightInfo info) {
    Weights weights = model.weights();
    NDArray own = weights.get(info.name());
    int[] before = bits(own);
    String hash = weights.sha256(info.name());
    int[] prediction = bits(encodeAndPredict());

    NDArray other = disturbed(own);
    assertThat(weights.isBound(info.name())).isFalse();
    weights.bind(info.name(), other);
    assertThat(weights.isBound(info.name())).isTrue();
    assertThat(bits(weights.get(info.name()))).isEqualTo(bits(other));
    assertThat(bits(encodeAndPredict())).as("bound").isNotEqualTo(prediction);
    assertThat(weights.sha256(info.name())).as("hash of its own bytes").isEqualTo(hash);

    weights.bind(info.name(), null);
    assertThat(weights.isBound(info.name())).isFalse();
    assertThat(bits(weights.get(info.name()))).isEqualTo(before);
    assertThat(bits(encodeAndPredict())).as("unbound").isEqualTo(prediction);
    assertThat(other.isReleased()).as("a bound array stays its owner's").isFalse();
    other.close();
  }

  @Test
  final void refusesToBindAnotherShape() {
    WeightInfo info = model.weights().list().get(0);
    int[] before = bits(encodeAndPredict());
    NDArray wrong = scope.zeros(new Shape(1, 2, 3, 4, 5));
    assertRefused(
        info.shape().toString(), wrong.getShape(), () -> model.weights().bind(info.name(), wrong));
    assertThat(bits(encodeAndPredict())).isEqualTo(before);
  }

  @Test
  final void copiesWhatOverwrites() {
    WeightInfo info = probes().toList().get(0);
    Weights weights = model.weights();
    NDArray before = weights.get(info.name()).duplicate();
    String hash = weights.sha256(info.name());
    String whole = weights.sha256();

    NDArray other = disturbed(before);
    int[] expected = bits(other);
    weights.overwrite(info.name(), other);
    other.muli(0);
    assertThat(bits(weights.get(info.name()))).isEqualTo(expected);
    assertThat(weights.sha256(info.name())).isNotEqualTo(hash);
    assertThat(weights.sha256()).isNotEqualTo(whole);

    weights.overwrite(info.name(), before);
    assertThat(weights.sha256(info.name())).isEqualTo(hash);
    assertThat(weights.sha256()).isEqualTo(whole);
  }

  @Test
  final void overwritesItsOwnArrayWhateverIsBound() {
    WeightInfo info = probes().toList().get(0);
    Weights weights = model.weights();
    NDArray bound = disturbed(weights.get(info.name()));
    NDArray written = disturbed(bound);
    weights.bind(info.name(), bound);
    weights.overwrite(info.name(), written);
    assertThat(bits(weights.get(info.name()))).isEqualTo(bits(bound));
    weights.bind(info.name(), null);
    assertThat(bits(weights.get(info.name()))).isEqualTo(bits(written));
  }

  @Test
  final void refusesToOverwriteWithAnotherShape() {
    WeightInfo info = model.weights().list().get(0);
    NDArray wrong = scope.zeros(new Shape(1, 2, 3, 4, 5));
    assertRefused(
        info.shape().toString(),
        wrong.getShape(),
        () -> model.weights().overwrite(info.name(), wrong));
  }

  @Test
  final void hashesFloatsInRowMajorOrderLittleEndian() throws Exception {
    MessageDigest whole = MessageDigest.getInstance("SHA-256");
    for (WeightInfo info : model.weights().list()) {
      float[] values = model.weights().get(info.name()).toFloatArray();
      ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(values);
      String hash =
          HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
      assertThat(model.weights().sha256(info.name())).as(info.name()).isEqualTo(hash);
      whole.update((info.name() + ' ' + hash + '\n').getBytes(StandardCharsets.UTF_8));
    }
    assertThat(model.weights().sha256()).isEqualTo(HexFormat.of().formatHex(whole.digest()));
  }

  // Arrays

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

  // InputDifferentiable

  @Test
  final void differentiatesByLatentsAndConditioning() {
    InputDifferentiable inputs = require(InputDifferentiable.class);
    Input at = input(2);
    NDArray aim = gaussian("aim", latentShape(2));
    InputDifferentiable.Gradients ofLatents =
        inputs.gradient(
            at.latents(),
            x -> model.predict(x, at.timesteps(), at.conditioning()).sub(aim).square().mean());
    assertThat(ofLatents.loss()).isCloseTo(new Loss().inDouble(), within(1e-4));
    assertThat(ofLatents.first().getManager()).isSameAs(at.latents().getManager());
    NDArray direction = gaussian("direction", latentShape(2));
    double slope = product(ofLatents.first(), direction);
    assertThat(slope)
        .isCloseTo(
            slope(step ->
                model.predict(
                    at.latents().add(direction.mul(step)), at.timesteps(), at.conditioning())),
            within(0.02 * Math.abs(slope) + 1e-3));

    InputDifferentiable.Gradients ofConditions =
        inputs.gradients(
            at.conditioning(),
            c -> model.predict(at.latents(), at.timesteps(), c).sub(aim).square().mean());
    List<String> names = List.copyOf(at.conditioning().names());
    assertThat(ofConditions.values()).hasSize(names.size());
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      NDArray array = at.conditioning().get(name);
      NDArray along = gaussian("along " + name, array.getShape());
      double expected = product(ofConditions.values().get(i), along);
      assertThat(
              slope(step ->
                  model.predict(
                      at.latents(),
                      at.timesteps(),
                      at.conditioning().with(name, array.add(along.mul(step))))))
          .as(name)
          .isCloseTo(expected, within(0.02 * Math.abs(expected) + 1e-3));
    }
  }

  /** The slope of the mean squared error at 0, by central differences. */
  private double slope(DoubleFunction<NDArray> prediction) {
    double step = 1e-2;
    Loss loss = new Loss();
    return (loss.inDouble(prediction.apply(step)) - loss.inDouble(prediction.apply(-step)))
        / (2 * step);
  }

  private static double product(NDArray one, NDArray other) {
    return one.mul(other).sum().getFloat();
  }

  @Test
  final void differentiatesByInputsWhileALossIsRecorded() {
    InputDifferentiable inputs = require(InputDifferentiable.class);
    try (TrainingSession session = train()) {
      Loss loss = new Loss();
      NDList plain = session.gradients(loss, scope).values();
      NDArray outside = inputs.gradient(input(2).latents(), this::errorAt).first();
      List<NDArray> inside = new ArrayList<>();
      NDList disturbed =
          session
              .gradients(
                  () -> {
                    NDArray value = loss.get();
                    inside.add(inputs.gradient(input(2).latents(), this::errorAt).first());
                    return value;
                  },
                  scope)
              .values();
      assertClose(inside.get(0), outside);
      for (int i = 0; i < plain.size(); i++) {
        assertClose(disturbed.get(i), plain.get(i));
      }
    }
  }

  private NDArray errorAt(NDArray latents) {
    Input at = input(2);
    return model.predict(latents, at.timesteps(), at.conditioning()).square().mean();
  }

  @Test
  final void refusesInputsThatALossDoesNotDependOn() {
    InputDifferentiable inputs = require(InputDifferentiable.class);
    NDArray other = scope.ones(new Shape());
    assertThatIllegalStateException()
        .isThrownBy(() -> inputs.gradient(input(1).latents(), x -> other.duplicate()));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> inputs.gradient(input(1).latents(), x -> x.add(x)))
        .withMessageContaining("loss");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> inputs.gradients(List.of(), copies -> other))
        .withMessageContaining("inputs");
  }

  @Test
  final void differentiatesByInputsWithoutLeavingArraysBehind() {
    InputDifferentiable inputs = require(InputDifferentiable.class);
    scope.close();
    int before = managedArrays();
    for (int i = 0; i < 2; i++) {
      scope = model.manager().newSubManager();
      inputs.gradient(input(2).latents(), this::errorAt);
      scope.close();
      assertThat(managedArrays()).isEqualTo(before);
    }
  }

  // LatentCodec

  @Test
  final void decodesLatentsToImages() {
    LatentCodec codec = require(LatentCodec.class);
    NDArray latents = input(2).latents();
    NDArray images = codec.decode(latents);
    int factor = codec.downscaling();
    assertThat(Integer.bitCount(factor)).as("a power of two").isEqualTo(1);
    assertThat(images.getShape())
        .isEqualTo(
            new Shape(
                2,
                3,
                (long) factor * model.descriptor().latentHeight(),
                (long) factor * model.descriptor().latentWidth()));
    assertThat(images.getDataType()).isEqualTo(DataType.FLOAT32);
    assertThat(images.getManager()).isSameAs(latents.getManager());
    assertFinite(images);
    assertThat(bits(codec.decode(latents))).isEqualTo(bits(images));
  }

  @Test
  final void encodesImagesToLatents() {
    LatentCodec codec = require(LatentCodec.class);
    NDArray latents = input(2).latents();
    NDArray images = codec.decode(latents);
    NDArray mean = codec.encode(images, null);
    assertThat(mean.getShape()).isEqualTo(latentShape(2));
    assertThat(mean.getDataType()).isEqualTo(DataType.FLOAT32);
    assertThat(mean.getManager()).isSameAs(images.getManager());
    assertThat(bits(codec.encode(images, null))).isEqualTo(bits(mean));
    double distance = norm(mean.sub(latents)) / norm(latents);
    assertThat(distance).isLessThanOrEqualTo(codecTolerance());
  }

  @Test
  final void samplesThePosteriorWithTheGivenNoise() {
    LatentCodec codec = require(LatentCodec.class);
    NDArray images = codec.decode(input(2).latents());
    NDArray noise = gaussian("posterior", latentShape(2));
    NDArray mean = codec.encode(images, null);
    NDArray sample = codec.encode(images, noise);
    assertThat(bits(sample)).isNotEqualTo(bits(mean));
    assertThat(bits(codec.encode(images, noise))).isEqualTo(bits(sample));
    assertClose(codec.encode(images, noise.zerosLike()), mean);
  }

  @Test
  final void refusesToDecodeAndEncodeOtherShapes() {
    LatentCodec codec = require(LatentCodec.class);
    NDArray latents = scope.zeros(new Shape(1, model.descriptor().latentChannels() + 1, 4, 4));
    assertRefused("latents", latents.getShape(), () -> codec.decode(latents));
    long side = 4L * codec.downscaling();
    NDArray images = scope.zeros(new Shape(1, 5, side, side));
    assertRefused("images", images.getShape(), () -> codec.encode(images, null));
    assumeTrue(codec.downscaling() > 1);
    NDArray odd = scope.zeros(new Shape(1, 3, side + 1, side));
    assertRefused("images", odd.getShape(), () -> codec.encode(odd, null));
  }

  @Test
  final void codesWithoutLeavingArraysBehind() {
    LatentCodec codec = require(LatentCodec.class);
    int before = managedArrays();
    for (int i = 0; i < 2; i++) {
      try (NDManager own = model.manager().newSubManager()) {
        NDArray latents = own.zeros(latentShape(1));
        codec.encode(codec.decode(latents), own.zeros(latentShape(1)));
      }
      assertThat(managedArrays()).isEqualTo(before);
    }
  }

  // PromptTokenizer

  @Test
  final void tellsPromptsApart() {
    PromptTokenizer tokenizer = require(PromptTokenizer.class);
    List<Tokens> tokens = prompts().stream().map(tokenizer::tokens).toList();
    assertThat(tokens).extracting(Tokens::ids).doesNotHaveDuplicates();
    assertThat(tokens)
        .allSatisfy(read -> {
          assertThat(read.truncated()).isFalse();
          assertThat(read.ids()).hasSizeLessThan(contextLength());
        });
    assertThat(prompts().stream().map(tokenizer::tokens)).isEqualTo(tokens);
  }

  @Test
  final void readsNothingInTheEmptyPrompt() {
    assertThat(require(PromptTokenizer.class).tokens("")).isEqualTo(new Tokens(List.of(), ""));
  }

  @Test
  final void tellsWhatItDoesNotRead() {
    Tokens tokens = require(PromptTokenizer.class).tokens(tooLong("zebra"));
    assertThat(tokens.truncated()).isTrue();
    assertThat(tokens.cut()).endsWith("zebra");
    assertThat(tokens.ids()).hasSizeLessThan(contextLength());
  }

  // Differentiable

  @Test
  final void trainsCopies() {
    Map<String, int[]> own = ownBits();
    int[] before = bits(encodeAndPredict());
    try (TrainingSession session = train()) {
      assertThat(session.names()).isEqualTo(trained());
      assertThat(bits(encodeAndPredict())).as("copies are equal").isEqualTo(before);
      step(session, session.optimizer(AdamW.reference()), 1);
      assertThat(bits(encodeAndPredict())).as("after a step").isNotEqualTo(before);
      for (int i = 0; i < trained().size(); i++) {
        NDArray copy = session.weights().get(i);
        assertThat(copy.getDataType()).isEqualTo(DataType.FLOAT32);
        assertThat(bits(copy)).isNotEqualTo(own.get(trained().get(i)));
        assertThat(bits(model.weights().get(trained().get(i)))).isEqualTo(bits(copy));
      }
    }
    assertThat(bits(encodeAndPredict())).as("after the session").isEqualTo(before);
    Map<String, int[]> after = ownBits();
    own.forEach((name, bits) -> assertThat(after.get(name)).as(name).isEqualTo(bits));
  }

  @Test
  final void refusesNamesThatItCannotTrain() {
    Differentiable training = require(Differentiable.class);
    GradientOptions options = GradientOptions.reference();
    String name = trained().get(0);
    assertThatIllegalArgumentException().isThrownBy(() -> training.train(List.of(), options));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.train(List.of(name, name), options))
        .withMessageContaining(name);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.train(List.of(name, "no such weight"), options))
        .withMessageContaining("no such weight");
    training.train(List.of(name), options).close();
  }

  @Test
  final void isInOneSessionAtATime() {
    Differentiable training = require(Differentiable.class);
    TrainingSession session = train();
    assertThatIllegalStateException()
        .isThrownBy(() -> training.train(trained(), GradientOptions.reference()));
    session.close();
    session.close();
    train().close();
  }

  @TestFactory
  final Stream<DynamicTest> gradientsAreThoseOfFiniteDifferences() {
    require(Differentiable.class);
    Loss loss = new Loss();
    List<int[]> entries = new ArrayList<>();
    NDList gradients;
    try (TrainingSession session = trainAll()) {
      gradients = session.gradients(loss, scope).values();
      gradients.attach(scope);
    }
    List<DynamicTest> tests = new ArrayList<>();
    List<String> names = trained();
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      NDArray gradient = gradients.get(i);
      tests.add(
          dynamicTest(
              "along the gradient of " + name,
              () -> assertSlope(loss, name, gradient, gradient.div((float) norm(gradient)))));
      int[] largest = largestEntries(gradient, 2);
      entries.add(largest);
      for (int entry : largest) {
        tests.add(
            dynamicTest(
                "entry " + entry + " of " + name,
                () -> assertSlope(loss, name, gradient, unit(gradient.getShape(), entry))));
      }
    }
    assertThat(entries).isNotEmpty();
    return tests.stream();
  }

  /**
   * Compares (L(w + h d) - L(w - h d)) / 2h with the gradient's part along d, computed in double.
   */
  private void assertSlope(Loss loss, String name, NDArray gradient, NDArray direction) {
    Weights weights = model.weights();
    NDArray base = weights.get(name);
    float h = 1e-2f;
    double[] values = new double[2];
    for (int side = 0; side < 2; side++) {
      try (NDArray moved = base.add(direction.mul(side == 0 ? h : -h))) {
        weights.bind(name, moved);
        values[side] = loss.inDouble();
        weights.bind(name, null);
      }
    }
    double slope = (values[0] - values[1]) / (2 * h);
    double expected = gradient.mul(direction).sum().getFloat();
    assertThat(slope).isCloseTo(expected, within(0.03 * Math.abs(expected) + 1e-5));
  }

  @Test
  final void returnsTheLossBesideItsGradients() {
    require(Differentiable.class);
    Loss loss = new Loss();
    try (TrainingSession session = train();
        NDManager own = model.manager().newSubManager()) {
      Gradients gradients = session.gradients(loss, own);
      assertThat(gradients.loss()).isCloseTo(loss.inDouble(), within(1e-4));
      assertThat(gradients.values()).hasSize(trained().size());
      for (int i = 0; i < trained().size(); i++) {
        NDArray gradient = gradients.values().get(i);
        assertThat(gradient.getShape()).isEqualTo(session.weights().get(i).getShape());
        assertThat(gradient.getManager()).isSameAs(own);
        assertThat(norm(gradient)).isPositive();
      }
      int[] first = bits(gradients.values().get(0));
      assertThat(bits(session.gradients(loss, own).values().get(0)))
          .as("nothing is added up")
          .isEqualTo(first);
    }
  }

  @Test
  final void recordsNothingThroughATeacher() {
    require(Differentiable.class);
    Input input = input(2);
    try (TrainingSession session = train()) {
      NDList both = session.gradients(() -> predict(input).square().mean(), scope).values();
      NDList one =
          session
              .gradients(
                  () -> predict(input).mul(session.withoutGradients(() -> predict(input))).mean(),
                  scope)
              .values();
      NDList base =
          session
              .gradients(
                  () -> session.withBaseWeights(() -> predict(input)).mul(predict(input)).mean(),
                  scope)
              .values();
      for (int i = 0; i < both.size(); i++) {
        double half = norm(both.get(i)) / 2;
        assertThat(norm(one.get(i))).isCloseTo(half, within(1e-3 * half));
        assertThat(norm(base.get(i))).isCloseTo(half, within(1e-3 * half));
      }
    }
  }

  @Test
  final void remembersTheWeightsBeforeTheSession() {
    require(Differentiable.class);
    Input input = input(2);
    int[] before = bits(predict(input));
    try (TrainingSession session = train()) {
      step(session, session.optimizer(AdamW.reference()), 1);
      int[] now = bits(predict(input));
      assertThat(bits(session.withBaseWeights(() -> predict(input)))).isEqualTo(before);
      assertThat(bits(session.withoutGradients(() -> predict(input)))).isEqualTo(now);
      assertThatThrownBy(() -> session.withBaseWeights(DiffusionModelContract::fail))
          .isInstanceOf(Failure.class);
      assertThat(bits(predict(input))).as("after a body that throws").isEqualTo(now);
    }
  }

  @Test
  final void restoresSavedWeights() {
    require(Differentiable.class);
    try (TrainingSession session = train()) {
      Optimizer optimizer = session.optimizer(AdamW.reference());
      step(session, optimizer, 1);
      NDList saved = duplicates(session.weights());
      List<int[]> expected = bits(saved, new NDList());
      step(session, optimizer, 1);
      session.restore(saved);
      assertThat(bits(session.weights(), new NDList()))
          .usingElementComparator(Arrays::compare)
          .isEqualTo(expected);
      saved.forEach(array -> array.muli(0));
      assertThat(bits(session.weights(), new NDList()))
          .as("the values are copied")
          .usingElementComparator(Arrays::compare)
          .isEqualTo(expected);
      assertThat(session.gradients(new Loss(), scope).values())
          .as("still trained")
          .hasSize(trained().size())
          .allMatch(gradient -> norm(gradient) > 0);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.restore(new NDList(saved.subList(1, saved.size()))))
          .withMessageContaining("weights: expected shapes");
    }
  }

  @Test
  final void refusesALossThatDependsOnNoTrainedWeight() {
    require(Differentiable.class);
    try (TrainingSession session = train()) {
      assertThatIllegalStateException()
          .isThrownBy(() -> session.gradients(() -> scope.ones(new Shape(1)).sum(), scope))
          .withMessageContaining("loss must depend");
      assertThat(session.gradients(new Loss(), scope).values()).hasSize(trained().size());
    }
  }

  @Test
  final void refusesALossThatIsNoScalar() {
    require(Differentiable.class);
    Input input = input(2);
    try (TrainingSession session = train()) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> session.gradients(() -> predict(input), scope))
          .withMessageContaining("loss")
          .withMessageContaining(latentShape(2).toString());
    }
  }

  @Test
  final void gradientsSurviveTheGarbageCollector() {
    Differentiable training = require(Differentiable.class);
    List<String> names = new ArrayList<>(trained());
    model.weights().list().stream()
        .filter(info -> info.role() == WeightRole.TOKEN_EMBEDDING)
        .forEach(info -> names.add(info.name()));
    try (TrainingSession session = training.train(names, GradientOptions.reference())) {
      Supplier<NDArray> loss = () -> encodeAndPredict().square().mean();
      List<int[]> expected = bits(session.gradients(loss, scope).values(), new NDList());
      Gradients late =
          session.gradients(
              () -> {
                NDArray value = loss.get();
                JavaBuffers.overwriteFreed();
                return value;
              },
              scope);
      assertThat(bits(late.values(), new NDList()))
          .usingElementComparator(Arrays::compare)
          .isEqualTo(expected);
    }
  }

  @Test
  final void passesOnWhatALossThrows() {
    require(Differentiable.class);
    try (TrainingSession session = train()) {
      assertThatThrownBy(() -> session.gradients(DiffusionModelContract::fail, scope))
          .isInstanceOf(Failure.class);
      assertThat(session.gradients(new Loss(), scope).values()).hasSize(trained().size());
    }
  }

  @Test
  final void stopsGradientsAtTheStartTokenOnly() {
    Differentiable training = require(Differentiable.class);
    Loss loss = new Loss();
    double[] values = new double[2];
    float[][] gradients = new float[2][];
    int[] before = bits(encodeAndPredict());
    for (int stop = 0; stop < 2; stop++) {
      try (TrainingSession session = training.train(trained(), new GradientOptions(stop == 1))) {
        Gradients found = session.gradients(loss, scope);
        values[stop] = found.loss();
        gradients[stop] = found.values().get(0).toFloatArray();
        assertThat(bits(encodeAndPredict())).isEqualTo(before);
      }
    }
    assertThat(values[1]).isCloseTo(values[0], within(1e-6 * Math.abs(values[0])));
    assertThat(gradients[1]).isNotEqualTo(gradients[0]);
  }

  @Test
  final void trainsTheGivenRowsOnly() {
    Differentiable training = require(Differentiable.class);
    String name = trained().get(0);
    int rows = Math.toIntExact(model.weights().get(name).getShape().get(0));
    int row = rows / 2;
    for (boolean decay : new boolean[] {false, true}) {
      float[] before = model.weights().get(name).toFloatArray();
      try (TrainingSession session =
          training.train(
              List.of(name), new GradientOptions(true, Map.of(name, Set.of(row)), decay))) {
        Gradients gradients = session.gradients(new Loss(), scope);
        float[] gradient = gradients.values().get(0).toFloatArray();
        Optimizer optimizer = session.optimizer(new AdamW(0.9, 0.999, 1e-8, 0.5));
        optimizer.step(gradients.values(), 0.1, 1);
        float[] after = session.weights().get(0).toFloatArray();
        int width = before.length / rows;
        boolean changed = false;
        for (int i = 0; i < before.length; i++) {
          if (i / width == row) {
            changed |= gradient[i] != 0 && after[i] != before[i];
          } else {
            assertThat(gradient[i]).as("gradient %s", i).isZero();
            assertThat(after[i])
                .as("entry %s", i)
                .isEqualTo(decay ? before[i] * 0.95f : before[i], within(decay ? 1e-6f : 0));
          }
        }
        assertThat(changed).as("row %s", row).isTrue();
      }
    }
  }

  // Optimizer

  @TestFactory
  final Stream<DynamicTest> stepsAsThePlainFormula() {
    require(Differentiable.class);
    Map<String, AdamW> settings = new LinkedHashMap<>();
    settings.put("reference", AdamW.reference());
    settings.put("without weight decay", new AdamW(0.9, 0.999, 1e-8, 0));
    settings.put("all different", new AdamW(0.7, 0.95, 1e-3, 0.3));
    return settings.entrySet().stream()
        .map(each -> dynamicTest(each.getKey(), () -> assertStepsAsFormula(each.getValue())));
  }

  private void assertStepsAsFormula(AdamW settings) {
    try (TrainingSession session = train();
        NDManager plain = model.manager().newSubManager()) {
      NDList weights = new NDList();
      NDList first = new NDList();
      NDList second = new NDList();
      for (NDArray copy : session.weights()) {
        weights.add(plain.create(copy.toFloatArray(), copy.getShape()));
        first.add(plain.zeros(copy.getShape()));
        second.add(plain.zeros(copy.getShape()));
      }
      Optimizer optimizer = session.optimizer(settings);
      for (int k = 1; k <= 4; k++) {
        double rate = 0.01 / k;
        NDList gradients = gradients(session, k);
        NDList same = gradients(session, k);
        optimizer.step(gradients, rate, Double.POSITIVE_INFINITY);
        for (int i = 0; i < weights.size(); i++) {
          settings.update(weights.get(i), same.get(i), first.get(i), second.get(i), rate, k);
          assertThat(session.weights().get(i).toFloatArray())
              .as("%s after step %s", session.names().get(i), k)
              .containsExactly(weights.get(i).toFloatArray(), within(1e-6f));
        }
      }
      assertThat(optimizer.steps()).isEqualTo(4);
      first.addAll(second);
      for (int i = 0; i < first.size(); i++) {
        assertThat(optimizer.moments().get(i).toFloatArray())
            .containsExactly(first.get(i).toFloatArray(), within(1e-6f));
      }
    }
  }

  @Test
  final void clipsTheGradientsOfAllWeightsTogether() {
    require(Differentiable.class);
    try (TrainingSession session = train()) {
      NDList gradients = gradients(session, 1);
      double norm = 0;
      for (NDArray gradient : gradients) {
        norm += norm(gradient) * norm(gradient);
      }
      norm = Math.sqrt(norm);
      double max = norm / 4;
      NDList expected = new NDList();
      for (NDArray gradient : gradients) {
        expected.add(gradient.mul((float) (0.1 * max / (norm + 1e-6))));
      }
      Optimizer optimizer = session.optimizer(AdamW.reference());
      assertThat(optimizer.step(gradients, 1e-3, max)).isCloseTo(norm, within(1e-4 * norm));
      for (int i = 0; i < expected.size(); i++) {
        assertThat(optimizer.moments().get(i).toFloatArray())
            .as("first moment of %s", session.names().get(i))
            .containsExactly(expected.get(i).toFloatArray(), within(1e-5f));
      }
    }
  }

  @TestFactory
  final Stream<DynamicTest> changesNothingIfAGradientIsNotFinite() {
    require(Differentiable.class);
    return Stream.of(Float.NaN, Float.POSITIVE_INFINITY)
        .map(value -> dynamicTest(value.toString(), () -> assertNotFiniteIsRefused(value)));
  }

  private void assertNotFiniteIsRefused(float value) {
    try (TrainingSession session = train()) {
      Optimizer optimizer = session.optimizer(AdamW.reference());
      optimizer.step(gradients(session, 1), 1e-3, 1);
      List<int[]> before = bits(session.weights(), optimizer.moments());
      NDList gradients = gradients(session, 2);
      float[] broken = gradients.get(0).toFloatArray();
      broken[broken.length / 2] = value;
      gradients.set(0, scope.create(broken, gradients.get(0).getShape()));
      assertThat(optimizer.step(gradients, 1e-3, 1)).isNotFinite();
      assertThat(optimizer.steps()).isEqualTo(1);
      assertThat(bits(session.weights(), optimizer.moments()))
          .usingElementComparator(Arrays::compare)
          .isEqualTo(before);
    }
  }

  @Test
  final void continuesFromSavedMoments() {
    require(Differentiable.class);
    try (TrainingSession session = train()) {
      Optimizer optimizer = session.optimizer(AdamW.reference());
      optimizer.moments().forEach(moment -> assertThat(norm(moment)).isZero());
      step(session, optimizer, 2);
      NDList weights = duplicates(session.weights());
      NDList moments = duplicates(optimizer.moments());
      assertThat(moments).hasSize(2 * trained().size());
      optimizer.step(gradients(session, 9), 1e-3, 1);
      List<int[]> expected = bits(session.weights(), optimizer.moments());

      session.withoutGradients(() -> {
        for (int i = 0; i < weights.size(); i++) {
          weights.get(i).copyTo(session.weights().get(i));
        }
        return weights;
      });
      Optimizer restored = session.optimizer(AdamW.reference());
      restored.restore(moments, 2);
      moments.forEach(moment -> moment.muli(0));
      assertThat(restored.steps()).isEqualTo(2);
      restored.step(gradients(session, 9), 1e-3, 1);
      assertThat(bits(session.weights(), restored.moments()))
          .usingElementComparator(Arrays::compare)
          .isEqualTo(expected);
    }
  }

  @Test
  final void trainsWithoutLeavingArraysBehind() {
    require(Differentiable.class);
    int before = managedArrays();
    try (TrainingSession session = train()) {
      Optimizer optimizer = session.optimizer(AdamW.reference());
      trainingStep(session, optimizer);
      int during = managedArrays();
      for (int i = 0; i < 3; i++) {
        trainingStep(session, optimizer);
        assertThat(managedArrays()).as("after step %s", i).isEqualTo(during);
      }
    }
    assertThat(managedArrays()).isEqualTo(before);
  }

  private void trainingStep(TrainingSession session, Optimizer optimizer) {
    NDManager outer = scope;
    try (NDManager own = model.manager().newSubManager()) {
      scope = own;
      optimizer.step(session.gradients(new Loss(), own).values(), 1e-4, 1);
      session.withBaseWeights(() -> predict(input(1)));
    } finally {
      scope = outer;
    }
  }

  @Test
  final void trainsOnAnyThread() {
    require(Differentiable.class);
    List<int[]> here = trainOnce();
    assertThat(CompletableFuture.supplyAsync(this::trainOnce).join())
        .usingElementComparator(Arrays::compare)
        .isEqualTo(here);
  }

  private List<int[]> trainOnce() {
    try (TrainingSession session = train()) {
      Optimizer optimizer = session.optimizer(AdamW.reference());
      optimizer.step(session.gradients(new Loss(), scope).values(), 1e-3, 1);
      return bits(session.weights(), new NDList());
    }
  }

  // LoraTraining

  @Test
  final void startsLowRankChangesAtZero() {
    require(LoraTraining.class);
    Map<String, int[]> own = ownBits();
    int[] before = bits(encodeAndPredict());
    try (TrainingSession session = trainLowRank()) {
      assertThat(session.names()).hasSize(2 * trainedInLowRank().size());
      int at = 0;
      for (String name : trainedInLowRank()) {
        WeightInfo info = info(name);
        LoraFactors initial = LORA.initial(info, 3, scope);
        assertThat(session.names().subList(at, at + 2))
            .containsExactly(name + LoraFactors.DOWN, name + LoraFactors.UP);
        assertThat(bits(session.weights().get(at))).isEqualTo(bits(initial.down()));
        assertThat(bits(session.weights().get(at + 1))).containsOnly(0);
        assertThat(session.weights().get(at + 1).getShape()).isEqualTo(initial.up().getShape());
        assertThat(initial.shape()).isEqualTo(info.shape());
        assertThat(norm(session.weights().get(at))).isPositive();
        at += 2;
      }
      assertThat(ownBits()).usingRecursiveComparison().isEqualTo(own);
      assertThat(bits(encodeAndPredict())).isEqualTo(before);
      step(session, session.optimizer(AdamW.reference()), 1);
      assertThat(bits(encodeAndPredict())).as("after a step").isNotEqualTo(before);
      assertThat(ownBits()).usingRecursiveComparison().isEqualTo(own);
    }
    assertThat(bits(encodeAndPredict())).as("after the session").isEqualTo(before);
  }

  @Test
  final void predictsWithLowRankChangesAsWithTheirSum() {
    require(LoraTraining.class);
    int[] before = bits(encodeAndPredict());
    NDArray changed;
    List<LoraFactors> factors;
    try (TrainingSession session = trainLowRank()) {
      disturb(session);
      changed = encodeAndPredict();
      assertThat(bits(changed)).isNotEqualTo(before);
      assertThat(bits(session.withoutGradients(this::encodeAndPredict))).isEqualTo(bits(changed));
      assertThat(bits(session.withBaseWeights(this::encodeAndPredict))).isEqualTo(before);
      assertThatThrownBy(() -> session.withBaseWeights(DiffusionModelContract::fail))
          .isInstanceOf(Failure.class);
      assertThat(bits(encodeAndPredict())).as("after a body that throws").isEqualTo(bits(changed));
      factors = factors(session);
    }
    assertThat(bits(encodeAndPredict())).as("after the session").isEqualTo(before);
    bindSums(factors);
    assertClose(changed, encodeAndPredict());
  }

  /** By the chain rule: {@code dA = s B^T dW} and {@code dB = s dW A^T}. */
  @Test
  final void gradientsOfFactorsAreThoseOfTheirSum() {
    require(LoraTraining.class);
    List<String> names = trainedInLowRank();
    List<LoraFactors> factors;
    NDList found;
    try (TrainingSession session = trainLowRank()) {
      disturb(session);
      found = session.gradients(this::lossOfAll, scope).values();
      factors = factors(session);
    }
    bindSums(factors);
    NDList full;
    try (TrainingSession session =
        require(Differentiable.class).train(names, new GradientOptions(false))) {
      full = session.gradients(this::lossOfAll, scope).values();
    }
    for (int i = 0; i < names.size(); i++) {
      LoraFactors each = factors.get(i);
      NDArray weight = full.get(i).reshape(full.get(i).getShape().get(0), -1);
      NDArray a = each.down().reshape(each.rank(), -1);
      NDArray b = each.up().reshape(-1, each.rank());
      float scale = (float) each.scale();
      assertSame(names.get(i) + " A", found.get(2 * i), b.transpose().matMul(weight).mul(scale));
      assertSame(
          names.get(i) + " B", found.get(2 * i + 1), weight.matMul(a.transpose()).mul(scale));
    }
  }

  private void assertSame(String name, NDArray actual, NDArray expected) {
    NDArray flat = expected.reshape(actual.getShape());
    assertThat(norm(flat)).as(name).isPositive();
    assertThat(norm(actual.sub(flat))).as(name).isLessThan(2e-3 * norm(flat));
  }

  @Test
  final void gradientsOfFactorsAreThoseOfFiniteDifferences() {
    require(LoraTraining.class);
    float h = 1e-2f;
    try (TrainingSession session = trainLowRank()) {
      disturb(session);
      Loss loss = new Loss();
      NDList gradients = session.gradients(this::lossOfAll, scope).values();
      for (int i = 0; i < gradients.size(); i++) {
        NDArray direction = gradients.get(i).div((float) norm(gradients.get(i)));
        double above = moved(session, i, direction.mul(h), loss);
        double below = moved(session, i, direction.mul(-2 * h), loss);
        moved(session, i, direction.mul(h), loss);
        double expected = norm(gradients.get(i));
        assertThat((above - below) / (2 * h))
            .as(session.names().get(i))
            .isCloseTo(expected, within(0.05 * expected + 1e-5));
      }
    }
  }

  private double moved(TrainingSession session, int index, NDArray by, Loss loss) {
    session.withoutGradients(() -> session.weights().get(index).addi(by));
    return loss.inDouble(encodeAndPredict());
  }

  /** The teacher with frozen weights is the network with the changes switched off. */
  @Test
  final void lowRankTrainingHoldsNoSecondCopyOfAWeight() {
    require(LoraTraining.class);
    long before = managedBytes();
    try (TrainingSession session = trainLowRank()) {
      long factors = session.weights().stream().mapToLong(NDArray::size).sum() * Float.BYTES;
      assertThat(managedBytes() - before).isEqualTo(factors);
      Optimizer optimizer = session.optimizer(AdamW.reference());
      lowRankStep(session, optimizer);
      long during = managedBytes();
      int arrays = managedArrays();
      assertThat(during - before).isLessThan(3 * factors + 1024);
      for (int i = 0; i < 3; i++) {
        lowRankStep(session, optimizer);
        assertThat(managedBytes()).as("after step %s", i).isEqualTo(during);
        assertThat(managedArrays()).as("after step %s", i).isEqualTo(arrays);
      }
    }
    assertThat(managedBytes()).isEqualTo(before);
  }

  private void lowRankStep(TrainingSession session, Optimizer optimizer) {
    NDManager outer = scope;
    try (NDManager own = model.manager().newSubManager()) {
      scope = own;
      Supplier<NDArray> loss =
          () ->
              encodeAndPredict()
                  .sub(session.withBaseWeights(this::encodeAndPredict))
                  .sub(gaussian("aim", latentShape(2)))
                  .square()
                  .mean();
      optimizer.step(session.gradients(loss, own).values(), 1e-4, 1);
    } finally {
      scope = outer;
    }
  }

  @Test
  final void continuesLowRankTrainingFromWhatWasSaved() {
    require(LoraTraining.class);
    List<int[]> expected;
    List<NDList> saved = new ArrayList<>();
    List<String> names;
    try (TrainingSession session = trainLowRank()) {
      Optimizer optimizer = session.optimizer(AdamW.reference());
      step(session, optimizer, 2);
      names = session.names();
      for (NDList each : List.of(session.weights(), optimizer.moments())) {
        NDList copies = new NDList();
        each.forEach(array -> copies.add(scope.create(array.toFloatArray(), array.getShape())));
        saved.add(copies);
      }
      optimizer.step(gradients(session, 9), 1e-3, 1);
      expected = bits(session.weights(), optimizer.moments());
    }
    try (TrainingSession session =
        require(LoraTraining.class)
            .train(trainedInLowRank(), LORA, 99, GradientOptions.reference())) {
      assertThat(session.names()).isEqualTo(names);
      session.withoutGradients(() -> {
        for (int i = 0; i < names.size(); i++) {
          saved.get(0).get(i).copyTo(session.weights().get(i));
        }
        return names;
      });
      Optimizer optimizer = session.optimizer(AdamW.reference());
      optimizer.restore(saved.get(1), 2);
      optimizer.step(gradients(session, 9), 1e-3, 1);
      assertThat(bits(session.weights(), optimizer.moments()))
          .usingElementComparator(Arrays::compare)
          .isEqualTo(expected);
    }
  }

  @Test
  final void refusesWhatItCannotTrainInLowRank() {
    LoraTraining training = require(LoraTraining.class);
    GradientOptions options = GradientOptions.reference();
    String name = trainedInLowRank().get(0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.hasLowRankForm("no such weight"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.train(List.of(), LORA, 0, options));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.train(List.of(name, name), LORA, 0, options))
        .withMessageContaining(name);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.train(List.of("no such weight"), LORA, 0, options))
        .withMessageContaining("no such weight");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            training.train(
                List.of(name), LORA, 0, new GradientOptions(true, Map.of(name, Set.of(0)), false)))
        .withMessageContaining(name);
    for (WeightInfo info : model.weights().list()) {
      if (!training.hasLowRankForm(info.name())) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> training.train(List.of(name, info.name()), LORA, 0, options))
            .withMessageContaining(info.name());
      }
    }
    try (TrainingSession session = trainLowRank()) {
      assertThat(session.names()).isNotEmpty();
      assertThatIllegalStateException().isThrownBy(this::trainLowRank);
      assertThatIllegalStateException().isThrownBy(this::train);
    }
    trainLowRank().close();
  }

  private TrainingSession trainLowRank() {
    return require(LoraTraining.class)
        .train(trainedInLowRank(), LORA, 3, new GradientOptions(false));
  }

  /** Gives A and B values that matter. */
  private void disturb(TrainingSession session) {
    session.withoutGradients(() -> {
      for (int i = 0; i < session.weights().size(); i++) {
        NDArray array = session.weights().get(i);
        array.addi(gaussian("factor " + i, array.getShape()).mul(0.1f));
      }
      return session;
    });
  }

  /** Copies, which outlive the session. */
  private List<LoraFactors> factors(TrainingSession session) {
    NDList copies = new NDList();
    session
        .weights()
        .forEach(array -> copies.add(scope.create(array.toFloatArray(), array.getShape())));
    return IntStream.range(0, copies.size() / 2)
        .mapToObj(i -> new LoraFactors(copies.get(2 * i), copies.get(2 * i + 1), LORA.scale()))
        .toList();
  }

  private void bindSums(List<LoraFactors> factors) {
    for (int i = 0; i < factors.size(); i++) {
      String name = trainedInLowRank().get(i);
      model.weights().bind(name, model.weights().get(name).add(factors.get(i).product(scope)));
    }
  }

  /** A loss that depends on the text encoder's weights too. */
  private NDArray lossOfAll() {
    return encodeAndPredict().sub(gaussian("aim", latentShape(2))).square().mean();
  }

  private WeightInfo info(String name) {
    return model.weights().list().stream()
        .filter(info -> info.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private long managedBytes() {
    return model.manager().getManagedArrays().stream()
        .mapToLong(array -> array.size() * array.getDataType().getNumOfBytes())
        .sum();
  }

  // CheckpointExport

  @Test
  final void exportsTheWeightsThatAreBound(@TempDir Path folder) throws Exception {
    CheckpointExport export = require(CheckpointExport.class);
    String name = trained().get(0);
    NDArray bound = disturbed(model.weights().get(name));
    model.weights().bind(name, bound);
    int[] prediction = bits(encodeAndPredict());
    export.export(folder.resolve("checkpoint"));
    assertThat(bits(encodeAndPredict())).as("the model stays as it was").isEqualTo(prediction);

    DiffusionModel original = model;
    model = reopen(folder.resolve("checkpoint"));
    scope = model.manager().newSubManager();
    try {
      assertThat(bits(model.weights().get(name))).isEqualTo(bits(bound));
      assertThat(bits(encodeAndPredict())).isEqualTo(prediction);
      for (WeightInfo info : model.weights().list()) {
        if (!info.name().equals(name)) {
          assertThat(model.weights().sha256(info.name()))
              .as(info.name())
              .isEqualTo(original.weights().sha256(info.name()));
        }
      }
    } finally {
      original.close();
    }
  }

  @Test
  final void exportsAModelThatReopensEqual(@TempDir Path folder) throws Exception {
    CheckpointExport export = require(CheckpointExport.class);
    export.export(folder.resolve("checkpoint"));
    try (DiffusionModel again = reopen(folder.resolve("checkpoint"))) {
      assertThat(again.weights().sha256()).isEqualTo(model.weights().sha256());
      assertThat(again.weights().list()).isEqualTo(model.weights().list());
      assertThat(again.predictionType()).isEqualTo(model.predictionType());
      assertThat(again.schedule()).isEqualTo(model.schedule());
    }
  }

  @Test
  final void refusesToExportOverAnything(@TempDir Path folder) throws Exception {
    CheckpointExport export = require(CheckpointExport.class);
    Path kept = Files.writeString(folder.resolve("kept.txt"), "kept");
    assertThatThrownBy(() -> export.export(folder))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining(folder.toString());
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(kept);
    }
  }

  @Test
  final void leavesNothingBehindAnExportThatFails(@TempDir Path folder) throws Exception {
    CheckpointExport export = require(CheckpointExport.class);
    assertThatThrownBy(() -> export.export(folder.resolve("missing").resolve("checkpoint")))
        .isInstanceOf(java.io.IOException.class)
        .hasMessageContaining("missing");
    assertThat(folder).isEmptyDirectory();
  }

  // Inputs

  private record Input(NDArray latents, NDArray timesteps, Conditioning conditioning) {}

  private Input input(int rows) {
    int steps = model.schedule().steps();
    double[] times =
        IntStream.range(0, rows)
            .mapToDouble(i -> model.schedule().time((i + 1) * (steps - 1) / (rows + 1)))
            .toArray();
    return new Input(
        gaussian("latents", latentShape(rows)),
        model.schedule().toArray(times, scope),
        model.encode(prompts().subList(0, rows), scope));
  }

  private NDArray predict(Input input) {
    return model.predict(input.latents(), input.timesteps(), input.conditioning());
  }

  private NDArray encodeAndPredict() {
    return predict(input(2));
  }

  private Shape latentShape(int rows) {
    ModelDescriptor shape = model.descriptor();
    return new Shape(rows, shape.latentChannels(), shape.latentHeight(), shape.latentWidth());
  }

  private NDArray gaussian(String purpose, Shape shape) {
    return RandomStreams.gaussian(scope, shape, RandomStreams.stream(1, purpose, 0));
  }

  private String tooLong(String end) {
    return "word ".repeat(contextLength()) + end;
  }

  private int contextLength() {
    return Math.toIntExact(model.encode(List.of(""), scope).textEmbeddings().getShape().get(1));
  }

  /** The first weight of each role. */
  private Stream<WeightInfo> probes() {
    Set<WeightRole> seen = new HashSet<>();
    return model.weights().list().stream().filter(info -> seen.add(info.role())).toList().stream();
  }

  private NDArray disturbed(NDArray weight) {
    NDArray noise = gaussian("weight", weight.getShape());
    return weight.add(noise.mul(0.5f).mul(weight)).add(noise.mul(0.05f));
  }

  private <T> T require(Class<T> capability) {
    assumeTrue(capabilities().contains(capability), "no " + capability.getSimpleName());
    return model.capability(capability).orElseThrow();
  }

  private TrainingSession train() {
    return require(Differentiable.class).train(trained(), GradientOptions.reference());
  }

  private TrainingSession trainAll() {
    return require(Differentiable.class).train(trained(), new GradientOptions(false));
  }

  private NDList gradients(TrainingSession session, int step) {
    NDList gradients = new NDList();
    for (NDArray weight : session.weights()) {
      gradients.add(gaussian("gradient " + step + gradients.size(), weight.getShape()));
    }
    return gradients;
  }

  private void step(TrainingSession session, Optimizer optimizer, int steps) {
    for (int k = 1; k <= steps; k++) {
      optimizer.step(gradients(session, k), 1e-2, 1);
    }
  }

  /** The mean squared error of a prediction, a loss as objectives use it. */
  private final class Loss implements Supplier<NDArray> {
    private final Input input = input(2);
    private final NDArray aim = gaussian("aim", latentShape(2));

    @Override
    public NDArray get() {
      return predict(input).sub(aim).square().mean();
    }

    double inDouble() {
      return inDouble(predict(input));
    }

    double inDouble(NDArray predicted) {
      float[] prediction = predicted.toFloatArray();
      float[] wanted = aim.toFloatArray();
      double sum = 0;
      for (int i = 0; i < wanted.length; i++) {
        sum += ((double) prediction[i] - wanted[i]) * ((double) prediction[i] - wanted[i]);
      }
      return sum / wanted.length;
    }
  }

  private static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private static NDArray fail() {
    throw new Failure();
  }

  // Comparisons

  private int managedArrays() {
    return model.manager().getManagedArrays().size();
  }

  private Map<String, int[]> ownBits() {
    Map<String, int[]> bits = new LinkedHashMap<>();
    trained().forEach(name -> bits.put(name, bits(model.weights().get(name))));
    return bits;
  }

  private static List<int[]> bits(NDList some, NDList others) {
    List<int[]> bits = new ArrayList<>();
    Consumer<NDArray> add = array -> bits.add(bits(array));
    some.forEach(add);
    others.forEach(add);
    return bits;
  }

  private static int[] bits(NDArray array) {
    float[] values = array.toFloatArray();
    return IntStream.range(0, values.length).map(i -> Float.floatToRawIntBits(values[i])).toArray();
  }

  private static NDList duplicates(NDList arrays) {
    NDList copies = new NDList();
    for (NDArray array : arrays) {
      copies.add(array.getManager().create(array.toFloatArray(), array.getShape()));
    }
    return copies;
  }

  private static double norm(NDArray array) {
    double sum = 0;
    for (float value : array.toFloatArray()) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  private static int[] largestEntries(NDArray array, int count) {
    float[] values = array.toFloatArray();
    List<Integer> order = new ArrayList<>(IntStream.range(0, values.length).boxed().toList());
    Collections.sort(order, (a, b) -> Float.compare(Math.abs(values[b]), Math.abs(values[a])));
    return order.stream().limit(count).mapToInt(Integer::intValue).toArray();
  }

  private NDArray unit(Shape shape, int entry) {
    float[] values = new float[Math.toIntExact(shape.size())];
    values[entry] = 1;
    return scope.create(values, shape);
  }

  private void assertClose(NDArray actual, NDArray expected) {
    assertThat(actual.getShape()).isEqualTo(expected.getShape());
    assertThat(actual.toFloatArray())
        .containsExactly(expected.toFloatArray(), within((float) tolerance()));
  }

  private static void assertFinite(NDArray array) {
    for (float value : array.toFloatArray()) {
      assertThat(value).isFinite();
    }
  }

  private static void assertRefused(String name, Shape actual, ThrowingCallable call) {
    assertThatIllegalArgumentException()
        .isThrownBy(call)
        .withMessageContaining(name)
        .withMessageContaining(actual.toString());
  }
}
