package dev.ablation.djl.flux;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.t5.T5TextEncoder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The text encoders of FLUX.1: CLIP gives the pooled text embedding, T5 the text embeddings.
 *
 * @param first CLIP-L, without projection
 * @param second T5
 */
public record FluxTextEncoders(ClipTextEncoder first, T5TextEncoder second) {

  /**
   * Encodes prompts. Gradients are recorded where the caller asks for them.
   *
   * @param prompts n prompts of CLIP, at least one
   * @param prompts2 n prompts of T5
   * @param t5Length tokens of T5
   * @param owner of the results, on the models' device
   * @return text embeddings (n, t5Length, D); pooled text embeddings (n, P)
   */
  public NDList encode(List<String> prompts, List<String> prompts2, int t5Length, NDManager owner) {
    if (prompts.isEmpty() || prompts.size() != prompts2.size()) {
      throw new IllegalArgumentException(
          "every encoder must have as many prompts, at least one; were %d and %d"
              .formatted(prompts.size(), prompts2.size()));
    }
    NDList clip = first.encode(prompts, 0, owner);
    clip.get(0).close(); // hidden states, which FLUX.1 does not use
    return new NDList(second.encode(prompts2, t5Length, owner), clip.get(1));
  }

  /**
   * Tells which encoder does not see all of a prompt.
   *
   * @param prompt any text
   * @return the end that it does not see, as it was written, by the encoder's name in a pipeline;
   *     empty if all see all
   */
  public Map<String, String> cut(String prompt) {
    Map<String, String> ends = new LinkedHashMap<>();
    ends.put("text_encoder", first.tokenizer().cut(prompt));
    ends.put("text_encoder_2", second.tokenizer().cut(prompt));
    ends.values().removeIf(String::isEmpty);
    return ends;
  }
}
