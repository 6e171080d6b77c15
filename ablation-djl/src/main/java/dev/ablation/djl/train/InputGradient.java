package dev.ablation.djl.train;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ablation.djl.kernel.GradMode;
import dev.ablation.djl.kernel.Kernels;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * The gradient of a loss with respect to an input of networks, such as an image or latents: what
 * moves an image towards a text (Dhariwal and Nichol 2021, arXiv 2105.05233, section 4).
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="input-gradient"}
 *
 * @param loss its value
 * @param gradient of the input's shape, attached to the input's manager
 */
public record InputGradient(double loss, NDArray gradient) {

  /**
   * Differentiates a loss.
   *
   * @param input float32, on the networks' device; not changed
   * @param loss returns a scalar from a copy of the input, by networks of this library or
   *     operations whose arrays all lie in the engine's memory; evaluated once, on the calling
   *     thread
   * @return loss and gradient
   * @throws IllegalArgumentException if the loss is no scalar
   * @throws IllegalStateException if it does not depend on the input
   */
  public static InputGradient of(NDArray input, UnaryOperator<NDArray> loss) {
    try (NDManager scope = input.getManager().newSubManager()) {
      NDArray variable = GradMode.with(false, input::duplicate);
      variable.attach(scope); // and with it all that is computed from it
      variable.setRequiresGradient(true);
      return GradMode.with(
          true,
          () -> {
            try (NDArray value = loss.apply(variable)) {
              if (value.getShape().size() != 1) {
                throw new IllegalArgumentException(
                    "loss: expected a scalar, was of shape " + value.getShape());
              }
              double number = value.toType(DataType.FLOAT32, false).getFloat();
              NDArray gradient = Kernels.GRADIENTS.callWithLists(value, List.of(variable)).head();
              gradient.attach(input.getManager());
              return new InputGradient(number, gradient);
            } catch (EngineException e) {
              throw new IllegalStateException(
                  "the loss must depend on the input through recorded operations: "
                      + String.valueOf(e.getMessage()).lines().findFirst().orElse(""),
                  e);
            }
          });
    }
  }
}
