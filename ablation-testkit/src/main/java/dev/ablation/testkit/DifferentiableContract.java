package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.AdamW;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightRole;
import dev.ablation.model.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** How a model trains copies of its weights and computes gradients. */
public abstract class DifferentiableContract extends ModelContract {
  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected DifferentiableContract(ModelFixture fixture) {
    super(fixture);
  }

  @Test
  final void trainsCopies() {
    Map<String, int[]> own = ownBits();
    int[] before = bits(encodeAndPredict());
    try (TrainingSession session = train()) {
      assertThat(session.names()).isEqualTo(trainedWeights());
      assertThat(bits(encodeAndPredict())).as("copies are equal").isEqualTo(before);
      step(session, session.optimizer(AdamW.reference()), 1);
      assertThat(bits(encodeAndPredict())).as("after a step").isNotEqualTo(before);
      for (int i = 0; i < trainedWeights().size(); i++) {
        NDArray copy = session.weights().get(i);
        assertThat(copy.getDataType()).isEqualTo(DataType.FLOAT32);
        assertThat(bits(copy)).isNotEqualTo(own.get(trainedWeights().get(i)));
        assertThat(bits(model.weights().get(trainedWeights().get(i)))).isEqualTo(bits(copy));
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
    String name = trainedWeights().get(0);
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
        .isThrownBy(() -> training.train(trainedWeights(), GradientOptions.reference()));
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
    List<String> names = trainedWeights();
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
      assertThat(gradients.values()).hasSize(trainedWeights().size());
      for (int i = 0; i < trainedWeights().size(); i++) {
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
      assertThatThrownBy(() -> session.withBaseWeights(ModelContract::fail))
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
          .hasSize(trainedWeights().size())
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
      assertThat(session.gradients(new Loss(), scope).values()).hasSize(trainedWeights().size());
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
    List<String> names = new ArrayList<>(trainedWeights());
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
      assertThatThrownBy(() -> session.gradients(ModelContract::fail, scope))
          .isInstanceOf(Failure.class);
      assertThat(session.gradients(new Loss(), scope).values()).hasSize(trainedWeights().size());
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
      try (TrainingSession session =
          training.train(trainedWeights(), new GradientOptions(stop == 1))) {
        Gradients found = session.gradients(loss, scope);
        values[stop] = found.loss();
        gradients[stop] = found.values().get(0).toFloatArray();
        assertThat(bits(encodeAndPredict())).isEqualTo(before);
      }
    }
    assertThat(values[1]).isCloseTo(values[0], within(1e-6 * Math.abs(values[0])));
    // Not by assertThat of arrays, whose message would hold all of them.
    assertThat(Arrays.equals(gradients[1], gradients[0]))
        .as("equal gradients")
        .isEqualTo(!fixture.hasCrossAttention());
  }

  @Test
  final void trainsTheGivenRowsOnly() {
    Differentiable training = require(Differentiable.class);
    String name = trainedWeights().get(0);
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
}
