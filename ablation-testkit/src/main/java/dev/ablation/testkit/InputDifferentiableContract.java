package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.TrainingSession;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import org.junit.jupiter.api.Test;

/** How a model computes gradients with respect to latents and conditioning. */
public abstract class InputDifferentiableContract extends ModelContract {
  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected InputDifferentiableContract(ModelFixture fixture) {
    super(fixture);
  }

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
            slope(
                1e-2,
                step ->
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
              slope(
                  fixture.differenceStep(name),
                  step ->
                      model.predict(
                          at.latents(),
                          at.timesteps(),
                          at.conditioning().with(name, array.add(along.mul(step))))))
          .as(name)
          .isCloseTo(expected, within(0.02 * Math.abs(expected) + 1e-3));
    }
  }

  /** The slope of the mean squared error at 0, by central differences. */
  private double slope(double step, DoubleFunction<NDArray> prediction) {
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
}
