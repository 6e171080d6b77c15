package dev.ablation.model;

import java.util.List;

/**
 * Capability: gradients of a loss with respect to weights, and an optimiser on the model's device.
 * Implemented by the engine's adapter, since core knows no engine.
 */
public interface Differentiable {

  /**
   * Begins training some weights. The network then computes with trainable float32 copies of them;
   * the model's own arrays are not touched. Blocks while another session of this JVM is open on
   * another thread, where the engine can record only one at a time.
   *
   * @param weights names of {@link Weights}, at least one
   * @param options how gradients flow
   * @return the open session; closing it binds the model's own arrays again
   * @throws IllegalArgumentException if a name is unknown or given twice
   * @throws IllegalStateException if this model is in a session already
   */
  TrainingSession train(List<String> weights, GradientOptions options);

  /**
   * How gradients flow through the network.
   *
   * @param stopStartToken whether key and value of the text's first position carry no gradient in
   *     cross-attention; values are unchanged. The reference implementation does this always.
   */
  record GradientOptions(boolean stopStartToken) {
    /** {@return the reference's options: the start token is stopped} */
    public static GradientOptions reference() {
      return new GradientOptions(true);
    }
  }
}
