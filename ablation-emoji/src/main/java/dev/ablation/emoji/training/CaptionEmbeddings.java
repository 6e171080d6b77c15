package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.kernel.GradMode;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Text embeddings of captions, each computed once: the text encoder does not change any more. A
 * caption is computed alone or in a batch that is always the same, so that its states do not depend
 * on the order of requests.
 */
final class CaptionEmbeddings {
  private static final int BATCH = 256;

  private final ClipTextModel text;
  private final ClipTokenizer tokenizer;
  private final NDManager manager;
  private final Map<String, float[]> known = new ConcurrentHashMap<>();

  CaptionEmbeddings(ClipTextModel text, ClipTokenizer tokenizer, NDManager manager) {
    this.text = text;
    this.tokenizer = tokenizer;
    this.manager = manager;
  }

  int length() {
    return text.config().contextLength();
  }

  int width() {
    return text.config().hiddenSize();
  }

  /** Computes captions in batches: on a GPU thousands of single ones would take minutes. */
  void prepare(List<String> captions) {
    for (int from = 0; from < captions.size(); from += BATCH) {
      compute(captions.subList(from, Math.min(captions.size(), from + BATCH)));
    }
  }

  /** Returns the states (T, D) of a caption; not to be changed. */
  float[] of(String caption) {
    if (!known.containsKey(caption)) {
      compute(List.of(caption));
    }
    return Objects.requireNonNull(known.get(caption));
  }

  private void compute(List<String> captions) {
    float[] all =
        GradMode.with(
            false,
            () -> {
              try (NDManager scope = manager.newSubManager()) {
                NDArray ids = tokenizer.encode(captions, scope);
                return text.applyAll(new NDList(ids)).get(0).toFloatArray();
              }
            });
    int size = length() * width();
    for (int i = 0; i < captions.size(); i++) {
      known.put(captions.get(i), Arrays.copyOfRange(all, i * size, (i + 1) * size));
    }
  }
}
