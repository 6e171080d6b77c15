package dev.ablation.djl.train;

import ai.djl.ndarray.NDArray;
import dev.ablation.model.InputDifferentiable;
import java.util.function.UnaryOperator;

/**
 * The gradient of a loss with respect to an input of networks, such as an image or latents: what
 * moves an image towards a text (Dhariwal and Nichol 2021, arXiv 2105.05233, section 4). Models
 * offer the same, for several inputs, as the capability {@link InputDifferentiable}.
 *
 * {@snippet class="dev.ablation.djl.Snippets" region="input-gradient"}
 *
 * @param loss its value
 * @param gradient of the input's shape, attached to the input's manager
 */
public record InputGradient(double loss, NDArray gradient) {
  private static final InputGradients GRADIENTS = new InputGradients();

  /**
   * Differentiates a loss.
   *
   * @param input float32, on the networks' device; not changed
   * @param loss returns a scalar from a copy of the input, by networks of this library or
   *     operations whose arrays are all in the engine's memory; evaluated once, on the calling
   *     thread
   * @return loss and gradient
   * @throws IllegalArgumentException if the loss is no scalar
   * @throws IllegalStateException if it does not depend on the input
   */
  public static InputGradient of(NDArray input, UnaryOperator<NDArray> loss) {
    InputDifferentiable.Gradients gradients = GRADIENTS.gradient(input, loss);
    return new InputGradient(gradients.loss(), gradients.first());
  }
}
