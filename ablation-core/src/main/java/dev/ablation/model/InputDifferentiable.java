package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * Capability: gradients of a loss with respect to inputs of the model's networks, such as latents
 * or a conditioning: for attacks that search for an embedding, for objectives that train against
 * them, and for guidance (Dhariwal and Nichol 2021, arXiv 2105.05233, section 4). The weights do
 * not change.
 *
 * <p>May be used within a {@link TrainingSession} of the model, even while it evaluates a loss, and
 * does not affect its gradients.
 */
public interface InputDifferentiable {

  /**
   * Differentiates a loss.
   *
   * @param inputs at least one array, float32, on the model's device; not changed
   * @param loss returns a scalar from copies of the inputs, in their order, by the model's networks
   *     or operations whose arrays are all in the engine's memory; evaluated once, on the calling
   *     thread
   * @return loss and gradients, each gradient attached to the manager of its input
   * @throws IllegalArgumentException if there is no input, or the loss is not a scalar
   * @throws IllegalStateException if the loss does not depend on an input
   */
  Gradients gradients(List<NDArray> inputs, Function<NDList, NDArray> loss);

  /**
   * Differentiates a loss with respect to one input.
   *
   * @param input float32, on the model's device; not changed
   * @param loss returns a scalar from a copy of the input
   * @return loss and gradient
   */
  default Gradients gradient(NDArray input, UnaryOperator<NDArray> loss) {
    return gradients(List.of(input), copies -> loss.apply(copies.get(0)));
  }

  /**
   * Differentiates a loss with respect to every array of a conditioning.
   *
   * @param conditioning on the model's device; not changed
   * @param loss returns a scalar from a copy of the conditioning, which depends on each of its
   *     arrays
   * @return loss and gradients, in the order of {@link Conditioning#names()}
   */
  default Gradients gradients(Conditioning conditioning, Function<Conditioning, NDArray> loss) {
    List<String> names = new ArrayList<>(conditioning.names());
    return gradients(
        List.copyOf(conditioning.arrays().values()),
        copies -> {
          Map<String, NDArray> arrays = new LinkedHashMap<>();
          for (int i = 0; i < names.size(); i++) {
            arrays.put(names.get(i), copies.get(i));
          }
          return loss.apply(new Conditioning(arrays));
        });
  }

  /**
   * A loss and its gradients.
   *
   * @param loss the value
   * @param values one gradient for each input, of its shape
   */
  record Gradients(double loss, NDList values) {

    /** {@return the gradient of the first input} */
    public NDArray first() {
      return values.get(0);
    }
  }
}
