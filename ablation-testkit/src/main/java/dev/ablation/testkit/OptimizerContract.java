package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.AdamW;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** How the optimiser of a training session steps, saves and restores. */
public abstract class OptimizerContract extends ModelContract {
  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected OptimizerContract(ModelFixture fixture) {
    super(fixture);
  }

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
      assertThat(moments).hasSize(2 * trainedWeights().size());
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
}
