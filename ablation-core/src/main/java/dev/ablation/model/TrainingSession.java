package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.function.Supplier;

/**
 * Weights under training. While a session is open the model computes with the session's trainable
 * arrays, copies of weights or {@linkplain LoraTraining low-rank changes} of them; the rest of the
 * model works as before. Used only by the thread that opened it.
 */
public interface TrainingSession extends AutoCloseable {

  /**
   * {@return the names of the trained arrays, in the order of every list of this session} They are
   * those of the weights, or of their low-rank factors.
   */
  List<String> names();

  /**
   * {@return the trained arrays, float32, in the order of {@link #names()}} They belong to the
   * session; copy them to keep them longer.
   */
  NDList weights();

  /**
   * Sets the trained copies to saved values, bit for bit.
   *
   * @param weights in the order of {@link #names()}, of the copies' shapes; copied
   * @throws IllegalArgumentException if number or shapes differ; then nothing is changed
   */
  void restore(NDList weights);

  /**
   * Evaluates a loss with gradients recorded and returns its gradients.
   *
   * @param loss returns a scalar that depends on the trained weights
   * @param scope owner of the gradients
   * @return the loss and its gradients
   * @throws IllegalStateException if the loss does not depend on a trained weight
   */
  Gradients gradients(Supplier<NDArray> loss, NDManager scope);

  /**
   * Evaluates {@code body} without recording gradients, with the current weights.
   *
   * @param body what to evaluate
   * @param <T> its result
   * @return the result
   */
  <T> T withoutGradients(Supplier<T> body);

  /**
   * Evaluates {@code body} without recording gradients, with the weights from before the session.
   *
   * @param body what to evaluate
   * @param <T> its result
   * @return the result
   */
  <T> T withBaseWeights(Supplier<T> body);

  /**
   * Creates an optimiser for the session's weights.
   *
   * @param settings of AdamW
   * @return an optimiser with empty moments, freed with the session
   */
  Optimizer optimizer(AdamW settings);

  /**
   * Binds the model's own weights again and frees the trained arrays. Closing twice does nothing.
   */
  @Override
  void close();

  /**
   * A loss and its gradients.
   *
   * @param loss the value
   * @param values one gradient per weight, in the order of {@link #names()}
   */
  record Gradients(double loss, NDList values) {}
}
