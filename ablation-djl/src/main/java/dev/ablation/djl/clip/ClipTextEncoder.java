package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.List;

/**
 * A CLIP text model with its tokenizer, as a pipeline with several text encoders uses it.
 *
 * @param tokenizer of the model
 * @param model the network, filled
 */
public record ClipTextEncoder(ClipTokenizer tokenizer, ClipTextModel model) {

  /**
   * Encodes prompts. Gradients are recorded if the caller enabled them.
   *
   * @param prompts n prompts, at least one
   * @param clipSkip how many layers to leave out at the end beside the last one, usually 0
   * @param owner of the results, on the model's device
   * @return a hidden state (n, T, D) without the final normalisation; pooled embeddings, projected
   *     (n, P) where the model has a projection, else (n, D)
   * @throws IllegalArgumentException if so many layers cannot be left out
   */
  public NDList encode(List<String> prompts, int clipSkip, NDManager owner) {
    int most = model.config().layers() - 1;
    if (clipSkip < 0 || clipSkip > most) {
      throw new IllegalArgumentException(
          "clipSkip must be in 0..%d, was %d".formatted(most, clipSkip));
    }
    try (NDArray ids = tokenizer.encode(prompts, owner)) {
      NDList out = model.applyAll(new NDList(ids));
      NDArray last = out.get(0);
      NDArray pooled =
          model.hasProjection() ? model.textEmbeds(last, ids) : model.pooled(last, ids);
      NDArray hidden = out.remove(out.size() - 2 - clipSkip);
      out.close();
      return new NDList(hidden, pooled);
    }
  }
}
