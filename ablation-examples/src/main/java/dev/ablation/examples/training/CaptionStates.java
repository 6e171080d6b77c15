package dev.ablation.examples.training;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.kernel.GradMode;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Text states of captions, each computed once: the text encoder does not change any more. */
final class CaptionStates {
  private final ClipTextModel text;
  private final ClipTokenizer tokenizer;
  private final NDManager manager;
  private final Map<String, float[]> known = new ConcurrentHashMap<>();

  CaptionStates(ClipTextModel text, ClipTokenizer tokenizer, NDManager manager) {
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

  /** Returns the states (T, D) of a caption; not to be changed. */
  float[] of(String caption) {
    return known.computeIfAbsent(caption, this::compute);
  }

  private float[] compute(String caption) {
    int[] tokens = tokenizer.encode(caption);
    long[] ids = new long[tokens.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = tokens[i];
    }
    return GradMode.with(
        false,
        () -> {
          try (NDManager scope = manager.newSubManager()) {
            NDList states = text.applyAll(new NDList(scope.create(ids, new Shape(1, ids.length))));
            return states.get(0).toFloatArray();
          }
        });
  }
}
