package dev.ablation.djl.t5;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;

/**
 * A T5 encoder with its tokenizer, as a pipeline uses it.
 *
 * @param tokenizer of the encoder
 * @param model the network, filled
 */
public record T5TextEncoder(T5Tokenizer tokenizer, T5EncoderModel model) {

  /**
   * Encodes prompts, which are padded or cut to the tokenizer's context. Gradients are recorded
   * where the caller asks for them.
   *
   * @param prompts n prompts, at least one
   * @param owner of the result, on the model's device
   * @return text embeddings (n, context length, D)
   */
  public NDArray encode(List<String> prompts, NDManager owner) {
    return encode(prompts, tokenizer.contextLength(), owner);
  }

  /**
   * Encodes prompts, which are padded or cut to a length of their own.
   *
   * @param prompts n prompts, at least one
   * @param length in tokens, the end token included
   * @param owner of the result, on the model's device
   * @return text embeddings (n, length, D)
   */
  public NDArray encode(List<String> prompts, int length, NDManager owner) {
    try (NDArray ids = tokenizer.encode(prompts, length, owner)) {
      return model.apply(ids);
    }
  }
}
