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
}
