package dev.ablation.djl.train;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.model.InputDifferentiable;
import java.util.List;
import java.util.function.Function;

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
      return GradMode.with(true, () -> differentiate(inputs, variables, loss));
    }
  }

  private static Gradients differentiate(
      List<NDArray> inputs, NDList variables, Function<NDList, NDArray> loss) {
    try (NDArray value = loss.apply(variables)) {
      if (value.getShape().size() != 1) {
        throw new IllegalArgumentException(
            "loss: expected a scalar, was of shape " + value.getShape());
      }
      double number = value.toType(DataType.FLOAT32, false).getFloat();
      NDList gradients = Kernels.GRADIENTS.callWithLists(value, List.copyOf(variables));
      for (int i = 0; i < inputs.size(); i++) {
        gradients.get(i).attach(inputs.get(i).getManager());
      }
      return new Gradients(number, gradients);
    } catch (EngineException e) {
      throw new IllegalStateException(
          "the loss must depend on %s through recorded operations: "
                  .formatted(inputs.size() == 1 ? "the input" : "every input")
              + String.valueOf(e.getMessage()).lines().findFirst().orElse(""),
          e);
    }
  }
}
