package dev.ablation.sample;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentSize;
import java.util.List;

/**
 * How prompts become the network's conditioning, where {@link DiffusionModel#encode} is not what is
 * wanted, such as with a second prompt for a second text encoder.
 */
@FunctionalInterface
public interface PromptEncoder {

  /**
   * Encodes prompts.
   *
   * @param prompts B prompts
   * @param size of the latents that are drawn
   * @param scope owner of the result
   * @return arrays of shape {@code (B, ...)}
   */
  Conditioning encode(List<String> prompts, LatentSize size, NDManager scope);

  /**
   * Returns the encoder for the model that draws. One that was made of a model encodes with that
   * model's weights; for a view of it ({@link dev.ablation.model.ModelViews}) it must encode with
   * the view's. A {@link LatentSampler} asks before it encodes.
   *
   * @param model that draws
   * @return this encoder, unless overridden
   */
  default PromptEncoder drawnBy(DiffusionModel model) {
    return this;
  }
}
