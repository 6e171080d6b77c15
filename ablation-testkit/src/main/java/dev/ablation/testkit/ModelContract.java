package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * A small model, its inputs and comparisons, for the tests of one capability. Each test opens a
 * fresh model; those of a capability that the model lacks are skipped.
 */
public abstract class ModelContract {
  final ModelFixture fixture;
  DiffusionModel model;
  NDManager scope;

  ModelContract(ModelFixture fixture) {
    this.fixture = fixture;
  }

  @BeforeEach
  final void openModel() throws Exception {
    model = fixture.open();
    scope = model.manager().newSubManager();
  }

  @AfterEach
  final void closeModel() {
    model.close();
  }

  List<String> trainedWeights() {
    return fixture.trained(model);
  }

  List<String> lowRankWeights() {
    return fixture.trainedInLowRank(model, require(LoraTraining.class));
  }

  record Input(NDArray latents, NDArray timesteps, Conditioning conditioning) {}

  Input input(int rows) {
    int steps = model.schedule().steps();
    double[] times =
        IntStream.range(0, rows)
            .mapToDouble(i -> model.schedule().time((i + 1) * (steps - 1) / (rows + 1)))
            .toArray();
    return new Input(
        gaussian("latents", latentShape(rows)),
        model.schedule().toArray(times, scope),
        model.encode(fixture.prompts().subList(0, rows), scope));
  }

  NDArray predict(Input input) {
    return model.predict(input.latents(), input.timesteps(), input.conditioning());
  }

  NDArray encodeAndPredict() {
    return predict(input(2));
  }

  Shape latentShape(int rows) {
    ModelDescriptor shape = model.descriptor();
    return new Shape(rows, shape.latentChannels(), shape.latentHeight(), shape.latentWidth());
  }

  NDArray gaussian(String purpose, Shape shape) {
    return RandomStreams.gaussian(scope, shape, RandomStreams.stream(1, purpose, 0));
  }

  String tooLong(String end) {
    return "word ".repeat(contextLength()) + end;
  }

  int contextLength() {
    return Math.toIntExact(model.encode(List.of(""), scope).textEmbeddings().getShape().get(1));
  }

  /** The first weight of each role. */
  Stream<WeightInfo> probes() {
    Set<WeightRole> seen = new HashSet<>();
    return model.weights().list().stream().filter(info -> seen.add(info.role())).toList().stream();
  }

  NDArray disturbed(NDArray weight) {
    NDArray noise = gaussian("weight", weight.getShape());
    return weight.add(noise.mul(0.5f).mul(weight)).add(noise.mul(0.05f));
  }

  <T> T require(Class<T> capability) {
    assumeTrue(fixture.capabilities().contains(capability), "no " + capability.getSimpleName());
    return model.capability(capability).orElseThrow();
  }

  TrainingSession train() {
    return require(Differentiable.class).train(trainedWeights(), GradientOptions.reference());
  }

  TrainingSession trainAll() {
    return require(Differentiable.class).train(trainedWeights(), new GradientOptions(false));
  }

  NDList gradients(TrainingSession session, int step) {
    NDList gradients = new NDList();
    for (NDArray weight : session.weights()) {
      gradients.add(gaussian("gradient " + step + gradients.size(), weight.getShape()));
    }
    return gradients;
  }

  void step(TrainingSession session, Optimizer optimizer, int steps) {
    for (int k = 1; k <= steps; k++) {
      optimizer.step(gradients(session, k), 1e-2, 1);
    }
  }

  /** The mean squared error of a prediction, a loss as objectives use it. */
  final class Loss implements Supplier<NDArray> {
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

  static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  static NDArray fail() {
    throw new Failure();
  }

  int managedArrays() {
    return model.manager().getManagedArrays().size();
  }

  Map<String, int[]> ownBits() {
    Map<String, int[]> bits = new LinkedHashMap<>();
    trainedWeights().forEach(name -> bits.put(name, bits(model.weights().get(name))));
    return bits;
  }

  static List<int[]> bits(NDList some, NDList others) {
    List<int[]> bits = new ArrayList<>();
    Consumer<NDArray> add = array -> bits.add(bits(array));
    some.forEach(add);
    others.forEach(add);
    return bits;
  }

  static int[] bits(NDArray array) {
    float[] values = array.toFloatArray();
    return IntStream.range(0, values.length).map(i -> Float.floatToRawIntBits(values[i])).toArray();
  }

  static NDList duplicates(NDList arrays) {
    NDList copies = new NDList();
    for (NDArray array : arrays) {
      copies.add(array.getManager().create(array.toFloatArray(), array.getShape()));
    }
    return copies;
  }

  static double norm(NDArray array) {
    double sum = 0;
    for (float value : array.toFloatArray()) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  static int[] largestEntries(NDArray array, int count) {
    float[] values = array.toFloatArray();
    List<Integer> order = new ArrayList<>(IntStream.range(0, values.length).boxed().toList());
    Collections.sort(order, (a, b) -> Float.compare(Math.abs(values[b]), Math.abs(values[a])));
    return order.stream().limit(count).mapToInt(Integer::intValue).toArray();
  }

  NDArray unit(Shape shape, int entry) {
    float[] values = new float[Math.toIntExact(shape.size())];
    values[entry] = 1;
    return scope.create(values, shape);
  }

  void assertClose(NDArray actual, NDArray expected) {
    assertThat(actual.getShape()).isEqualTo(expected.getShape());
    assertThat(actual.toFloatArray())
        .containsExactly(expected.toFloatArray(), within((float) fixture.tolerance()));
  }

  static void assertFinite(NDArray array) {
    for (float value : array.toFloatArray()) {
      assertThat(value).isFinite();
    }
  }

  static void assertRefused(String name, Shape actual, ThrowingCallable call) {
    assertThatIllegalArgumentException()
        .isThrownBy(call)
        .withMessageContaining(name)
        .withMessageContaining(actual.toString());
  }
}
