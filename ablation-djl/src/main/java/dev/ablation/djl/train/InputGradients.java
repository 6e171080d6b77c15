package dev.ablation.djl.train;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.nn.Recomputation;
import dev.ablation.model.InputDifferentiable;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Gradients with respect to inputs, by the engine's automatic differentiation. It holds nothing;
 * any network of this library can be differentiated, also of several models at once.
 */
public final class InputGradients implements InputDifferentiable {
  /** Creates the capability. */
  public InputGradients() {}

  @Override
  public Gradients gradients(List<NDArray> inputs, Function<NDList, NDArray> loss) {
    if (inputs.isEmpty()) {
      throw new IllegalArgumentException("inputs must not be empty");
    }
    try (NDManager scope = inputs.get(0).getManager().newSubManager()) {
      NDList variables = new NDList();
      for (NDArray input : inputs) {
        NDArray variable = GradMode.with(false, input::duplicate);
        variable.attach(scope); // and with it all that is computed from it
        variable.setRequiresGradient(true);
        variables.add(variable);
      }
      return differentiate(inputs, variables, loss);
    }
  }

  private static Gradients differentiate(
      List<NDArray> inputs, NDList variables, Function<NDList, NDArray> loss) {
    NDManager scope = variables.head().getManager();
    try (Recomputation recomputation = Recomputation.begin(scope);
        NDArray value = GradMode.with(true, () -> loss.apply(variables))) {
      if (value.getShape().size() != 1) {
        throw new IllegalArgumentException(
            "loss: expected a scalar, was of shape " + value.getShape());
      }
      double number = value.toType(DataType.FLOAT32, false).getFloat();
      NDList gradients = new NDList();
      for (NDArray gradient : recomputation.gradients(value, List.copyOf(variables))) {
        if (gradient == null) {
          throw independent(inputs, "input %d is not used".formatted(gradients.size() + 1), null);
        }
        gradient.attach(inputs.get(gradients.size()).getManager());
        gradients.add(gradient);
      }
      return new Gradients(number, gradients);
    } catch (EngineException e) {
      String first = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw independent(inputs, first, e);
    }
  }

  private static IllegalStateException independent(
      List<NDArray> inputs, String why, @Nullable Exception cause) {
    return new IllegalStateException(
        "the loss must depend on %s through recorded operations: "
                .formatted(inputs.size() == 1 ? "the input" : "every input")
            + why,
        cause);
  }
}
