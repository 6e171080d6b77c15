package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.Differentiable;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.ModelViews;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** How views of a model share its weights. */
public abstract class ModelViewsContract extends ModelContract {
  private static final int THREADS = 4;
  private static final int PREDICTIONS = 8;

  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected ModelViewsContract(ModelFixture fixture) {
    super(fixture);
  }

  private int[] prediction(DiffusionModel of) {
    int steps = of.schedule().steps();
    try (NDManager own = of.manager().newSubManager()) {
      NDArray latents = gaussian("latents", latentShape(1)).duplicate();
      latents.attach(own);
      return bits(
          of.predict(
              latents,
              of.schedule().toArray(new double[] {of.schedule().time(steps / 2)}, own),
              of.encode(fixture.prompts().subList(0, 1), own)));
    }
  }

  @Test
  final void computesAsTheModelDoes() {
    int[] expected = prediction(model);
    try (DiffusionModel view = require(ModelViews.class).view()) {
      assertThat(prediction(view)).isEqualTo(expected);
      assertThat(view.weights().sha256()).isEqualTo(model.weights().sha256());
      assertThat(view.weights().list()).isEqualTo(model.weights().list());
    }
    assertThat(model.isClosed()).isFalse();
    assertThat(prediction(model)).isEqualTo(expected);
  }

  @Test
  final void hasBindingsOfItsOwn() {
    ModelViews views = require(ModelViews.class);
    int[] expected = prediction(model);
    try (DiffusionModel view = views.view();
        DiffusionModel other = views.view()) {
      for (WeightInfo info : probes().toList()) {
        Weights weights = view.weights();
        NDArray bound = disturbed(model.weights().get(info.name()));
        weights.bind(info.name(), bound);
        assertThat(weights.isBound(info.name())).as(info.name()).isTrue();
        assertThat(bits(weights.get(info.name()))).isEqualTo(bits(bound));
        assertThat(bits(weights.copy(info.name(), scope))).isEqualTo(bits(bound));
        assertThat(prediction(view)).as(info.name()).isNotEqualTo(expected);
        assertThat(prediction(other)).isEqualTo(expected);
        assertThat(prediction(model)).isEqualTo(expected);
        weights.bind(info.name(), null);
        assertThat(prediction(view)).isEqualTo(expected);
      }
    }
  }

  @Test
  final void isUsedByOneThreadEach() throws Exception {
    ModelViews views = require(ModelViews.class);
    WeightInfo info = probes().toList().get(0);
    List<DiffusionModel> open = new ArrayList<>();
    List<int[]> expected = new ArrayList<>();
    List<NDArray> bound = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      DiffusionModel view = views.view();
      NDArray array = model.weights().get(info.name()).mul(1 + 0.25f * i);
      view.weights().bind(info.name(), array);
      expected.add(prediction(view));
      view.weights().bind(info.name(), null);
      open.add(view);
      bound.add(array);
    }
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      List<Callable<List<int[]>>> calls = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        DiffusionModel view = open.get(i);
        NDArray array = bound.get(i);
        calls.add(() -> {
          List<int[]> found = new ArrayList<>();
          for (int k = 0; k < PREDICTIONS; k++) {
            view.weights().bind(info.name(), array);
            found.add(prediction(view));
            view.weights().bind(info.name(), null);
          }
          return found;
        });
      }
      List<Future<List<int[]>>> results = threads.invokeAll(calls);
      for (int i = 0; i < THREADS; i++) {
        assertThat(results.get(i).get()).hasSize(PREDICTIONS);
        for (int[] found : results.get(i).get()) {
          assertThat(found).as("view %d", i).isEqualTo(expected.get(i));
        }
      }
    } finally {
      threads.shutdownNow();
      open.forEach(DiffusionModel::close);
    }
  }

  @Test
  final void refusesToChangeTheModel() {
    try (DiffusionModel view = require(ModelViews.class).view()) {
      WeightInfo info = probes().toList().get(0);
      NDArray own = model.weights().get(info.name());
      assertThatThrownBy(() -> view.weights().overwrite(info.name(), own))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining(info.name());
      assertThatIllegalArgumentException()
          .isThrownBy(() -> view.weights().bind("no such weight", own))
          .withMessageContaining("no such weight");
      assertThat(view.capability(Differentiable.class)).isEmpty();
      assertThat(view.capability(LoraTraining.class)).isEmpty();
    }
  }

  @Test
  final void endsWithTheModel() {
    ModelViews views = require(ModelViews.class);
    DiffusionModel view = views.view();
    DiffusionModel closed = views.view();
    closed.close();
    assertThat(closed.isClosed()).isTrue();
    assertThat(view.isClosed()).isFalse();
    model.close();
    assertThat(view.isClosed()).isTrue();
    view.close();
  }
}
