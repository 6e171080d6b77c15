package dev.ablation.model;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Capability: gradients of a loss with respect to weights, and an optimiser on the model's device.
 * Implemented by the engine's adapter, since core knows no engine.
 *
 * {@snippet class="dev.ablation.Snippets" region="differentiable"}
 *
 * <p>An implementation on DJL's own gradient collector; {@link AdamW#update} is the optimiser:
 *
 * {@snippet class="dev.ablation.testing.TinyTraining" region="session"}
 */
public interface Differentiable {

  /**
   * Starts training some weights. The network then computes with trainable float32 copies of them;
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
   * How gradients flow through the network, and which parts of a weight they may change.
   *
   * @param stopStartToken whether key and value of the text's first position carry no gradient in
   *     cross-attention; values are unchanged. The reference implementation always does this.
   * @param rows name of a weight to the rows (indices of its first axis) that are trained;
   *     gradients of its other rows are zero. A weight that is not named is trained as a whole.
   * @param decayOtherRows whether weight decay shrinks the other rows too, as in the reference
   *     implementation; otherwise they stay unchanged, to the last bit
   */
  record GradientOptions(
      boolean stopStartToken, Map<String, Set<Integer>> rows, boolean decayOtherRows) {

    /** Copies the rows and checks that none is empty or negative. */
    public GradientOptions {
      Map<String, Set<Integer>> copy = new TreeMap<>();
      rows.forEach((name, indices) -> copy.put(name, Set.copyOf(indices)));
      rows = Collections.unmodifiableMap(copy);
      rows.forEach((name, indices) -> {
        if (indices.isEmpty() || indices.stream().anyMatch(index -> index < 0)) {
          throw new IllegalArgumentException(
              "rows of %s must be given and not negative, were %s".formatted(name, indices));
        }
      });
    }

    /**
     * Trains weights as a whole.
     *
     * @param stopStartToken whether the start token carries no gradient
     */
    public GradientOptions(boolean stopStartToken) {
      this(stopStartToken, Map.of(), false);
    }

    /**
     * The reference's: the start token is stopped.
     *
     * @return the options
     */
    public static GradientOptions reference() {
      return new GradientOptions(true);
    }
  }
}
