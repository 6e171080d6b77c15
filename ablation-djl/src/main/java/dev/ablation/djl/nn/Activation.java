package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** An activation function by the names that configurations use. */
public enum Activation {
  /** x * sigmoid(x). */
  SILU(Kernels.SILU, "silu", "swish"),
  /** The exact GELU. */
  GELU(Kernels.GELU, "gelu"),
  /** x * sigmoid(1.702 x). */
  QUICK_GELU(Kernels.QUICK_GELU, "quick_gelu"),
  /** x * tanh(softplus(x)). */
  MISH(Kernels.MISH, "mish"),
  /** max(x, 0). */
  RELU(Kernels.RELU, "relu");

  private final Kernel kernel;
  private final List<String> names;

  Activation(Kernel kernel, String... names) {
    this.kernel = kernel;
    this.names = List.of(names);
  }

  /**
   * Applies the function.
   *
   * @param x any shape
   * @return of the same shape
   */
  public NDArray apply(NDArray x) {
    return kernel.call(x);
  }

  /**
   * Finds an activation by its name in a configuration.
   *
   * @param name such as {@code "silu"}
   * @return the activation
   * @throws IllegalArgumentException if there is none of that name; the message lists those there
   *     are
   */
  public static Activation of(String name) {
    for (Activation activation : values()) {
      if (activation.names.contains(name)) {
        return activation;
      }
    }
    throw new IllegalArgumentException(
        "activation '%s' is not supported; supported are %s"
            .formatted(
                name,
                Arrays.stream(values())
                    .flatMap(a -> a.names.stream())
                    .collect(Collectors.joining(", "))));
  }
}
