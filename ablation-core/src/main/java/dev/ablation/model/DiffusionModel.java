package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A text-to-image diffusion model: the minimum that sampling and ablation need, and the interface
 * that an adapter for another kind of model implements.
 *
 * <p>Shapes: B is the batch size, (C, H, W) the latent shape, T the number of text positions, D the
 * width of a text embedding.
 *
 * <h2>Writing an adapter</h2>
 *
 * <ul>
 *   <li>{@link #predict} must be a pure function of its arguments and of the weights that are bound
 *       at that moment ({@link Weights#bind}).
 *   <li>Arrays made during a call belong to the {@link NDManager} that the call names; intermediate
 *       arrays are closed before it returns.
 *   <li>Sampling needs only this interface. Drawing images needs the capability {@link
 *       LatentCodec}, ablating needs {@link Differentiable} or {@link LoraTraining}, checking
 *       prompts {@link PromptTokenizer}, gradients with respect to latents or conditioning {@link
 *       InputDifferentiable}, and writing a complete checkpoint {@link CheckpointExport}.
 *   <li>The abstract test {@code DiffusionModelContract} in {@code ablation-testkit} checks an
 *       adapter.
 * </ul>
 *
 * <p>A complete adapter except for its mathematics, {@code network(latents, timesteps,
 * textEmbeddings)}, and the loading of its weights:
 *
 * {@snippet class="dev.ablation.testing.TinyDiffusion" region="adapter"}
 *
 * <p>The differences for a rectified flow with further conditions:
 *
 * {@snippet class="dev.ablation.testing.TinyFlow" region="flow"}
 *
 * <p>Not thread-safe: one thread at a time. The code that opens a model closes it.
 */
public interface DiffusionModel extends AutoCloseable {

  /** {@return the fixed properties of the model: its name and shapes} */
  ModelDescriptor descriptor();

  /** {@return the parent of every array that the model makes; do not close it} */
  NDManager manager();

  /**
   * Creates a child of {@link #manager()} for arrays that are used between calls, such as those of
   * a drawing. A model that several threads may use is not closed by another thread before the
   * child is.
   *
   * @return owned by the caller
   * @throws IllegalStateException if the model is closed
   */
  default NDManager newScope() {
    try {
      return manager().newSubManager();
    } catch (IllegalStateException e) {
      // Asked afterwards: another thread may close the model at any time.
      if (isClosed()) {
        throw new IllegalStateException("model '%s' is closed".formatted(descriptor().name()), e);
      }
      throw e;
    }
  }

  /** {@return the noise schedule that the model was trained with} */
  NoiseSchedule schedule();

  /** {@return what {@link #predict} predicts} */
  PredictionType predictionType();

  /**
   * Encodes prompts as the network's conditioning. The empty prompt is the unconditional one.
   *
   * @param prompts B prompts; a prompt longer than the context is cut at its end
   * @param size of the latents that are predicted, for networks that take the size of the image as
   *     a condition; others ignore it
   * @param scope owner of the result
   * @return arrays of shape {@code (B, ...)}, float32, on the model's device; text embeddings have
   *     shape {@code (B, T, D)} and the name {@link Conditioning#TEXT}
   * @throws IllegalArgumentException if {@code prompts} is empty
   */
  Conditioning encode(List<String> prompts, LatentSize size, NDManager scope);

  /**
   * {@return what decides the model's images beside its weights and its schedule, such as how many
   * tokens a text encoder reads; by default none} Latents and images are cached under a key with
   * it.
   */
  default Map<String, String> encodingSettings() {
    return Map.of();
  }

  /**
   * Encodes prompts for latents of the size that the model was trained for.
   *
   * @param prompts B prompts; a prompt longer than the context is cut at its end
   * @param scope owner of the result
   * @return arrays of shape {@code (B, ...)}, float32, on the model's device
   * @throws IllegalArgumentException if {@code prompts} is empty
   */
  default Conditioning encode(List<String> prompts, NDManager scope) {
    return encode(prompts, descriptor().latentSize(), scope);
  }

  /**
   * Predicts the quantity that {@link #predictionType()} names, such as noise or a velocity.
   *
   * @param latents noised latents, shape {@code (B, C, H, W)}, float32, on the model's device
   * @param timesteps shape {@code (B)}, times of {@link #schedule()}: int64, or float32 for
   *     continuous times and for samplers with fractional timesteps (Euler)
   * @param conditioning of B prompts, or made by the caller; an array that the network does not use
   *     is rejected by name ({@link Conditioning#checkNames})
   * @return shape {@code (B, C, H, W)}, float32, attached to the manager of {@code latents}
   * @throws IllegalArgumentException naming the argument and both shapes, if they do not fit
   */
  NDArray predict(NDArray latents, NDArray timesteps, Conditioning conditioning);

  /** {@return the weights that an ablation may change, with their roles} */
  Weights weights();

  /**
   * Returns an optional ability of the model, such as {@link LatentCodec}.
   *
   * @param type the interface of the ability
   * @param <T> the ability
   * @return the ability, or empty if the model lacks it
   */
  <T> Optional<T> capability(Class<T> type);

  /** {@return whether {@link #close()} was called} */
  boolean isClosed();

  /** Frees the model's arrays. Closing twice does nothing. */
  @Override
  void close();
}
