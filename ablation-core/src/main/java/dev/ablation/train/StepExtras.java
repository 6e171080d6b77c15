package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import com.google.common.base.Preconditions;
import dev.ablation.model.TrainingSession;
import dev.ablation.random.RandomStreams;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * What an objective can ask for beside predictions.
 *
 * @param average of the weights under training; {@code null} if there is none
 * @param seed of the run
 * @param step 1 for the first
 * @param part of the step's batches, from 0
 */
record StepExtras(@Nullable ExponentialAverage average, long seed, int step, int part) {

  RandomGenerator random(String purpose) {
    return RandomStreams.stream(seed, "objective, part %d: %s".formatted(part, purpose), step);
  }

  /** Evaluates with the averages, without gradients. */
  <T> T averaged(TrainingSession session, Supplier<T> body) {
    ExponentialAverage known = average;
    Preconditions.checkState(
        known != null, "the objective uses averaged weights, but the trainer keeps no average");
    return averaged(session, known, body);
  }

  /** Evaluates with averages in the place of the session's weights, without gradients. */
  static <T> T averaged(TrainingSession session, ExponentialAverage average, Supplier<T> body) {
    return session.withoutGradients(() -> {
      try (NDList current = copies(session.weights())) {
        session.restore(average.values());
        try {
          return body.get();
        } finally {
          session.restore(current);
        }
      }
    });
  }

  private static NDList copies(NDList weights) {
    NDList copies = new NDList();
    for (NDArray weight : weights) {
      copies.add(weight.duplicate());
    }
    return copies;
  }
}
