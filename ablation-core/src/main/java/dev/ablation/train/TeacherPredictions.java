package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Supplier;

/** What a frozen teacher predicts for batches that come again. */
final class TeacherPredictions {
  private final NDManager owner;
  private final OptionalInt pool;
  private final Map<Key, NDArray> kept = new HashMap<>();

  /**
   * Starts without predictions.
   *
   * @param owner of what is kept
   * @param pool number of steps after which batches come again; empty if they do not
   */
  TeacherPredictions(NDManager owner, OptionalInt pool) {
    this.owner = owner;
    this.pool = pool;
  }

  /** The step whose batches a step trains on. */
  int source(int step) {
    return pool.isEmpty() ? step : (step - 1) % pool.getAsInt() + 1;
  }

  /** Those of a step's batches. */
  Of of(int step, int part) {
    return new Of(source(step), part);
  }

  /** Which batch, and what is asked of it. */
  private record Key(int source, int part, boolean prior, List<String> prompts) {}

  /** Those of a step's batches, or of a part of them. */
  final class Of {
    private final int source;
    private final int part;

    private Of(int source, int part) {
      this.source = source;
      this.part = part;
    }

    /**
     * Returns a prediction.
     *
     * @param prior whether it is for the batch of prior preservation
     * @param prompts of the batch's rows
     * @param predict computes what is not kept
     */
    NDArray get(boolean prior, List<String> prompts, Supplier<NDArray> predict) {
      if (pool.isEmpty()) {
        return predict.get();
      }
      Key key = new Key(source, part, prior, prompts);
      NDArray known = kept.get(key);
      if (known == null) {
        known = predict.get();
        known.attach(owner);
        kept.put(key, known);
      }
      return known;
    }
  }
}
