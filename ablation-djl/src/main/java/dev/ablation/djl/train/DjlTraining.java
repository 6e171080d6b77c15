package dev.ablation.djl.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.model.Differentiable;
import dev.ablation.model.TrainingSession;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.Consumer;

/** Opens training sessions on the weights of a model; one at a time. */
public final class DjlTraining implements Differentiable {
  private final NDManager manager;
  private final NamedWeights weights;
  private final Consumer<Boolean> stopStartToken;
  private boolean open;

  /**
   * Creates the capability.
   *
   * @param manager of the model
   * @param weights of the model
   * @param stopStartToken told whether gradients stop at the start token
   */
  public DjlTraining(NDManager manager, NamedWeights weights, Consumer<Boolean> stopStartToken) {
    this.manager = manager;
    this.weights = weights;
    this.stopStartToken = stopStartToken;
  }

  @Override
  public TrainingSession train(List<String> names, GradientOptions options) {
    if (names.isEmpty()) {
      throw new IllegalArgumentException("weights to train must not be empty");
    }
    if (new LinkedHashSet<>(names).size() != names.size()) {
      throw new IllegalArgumentException("weights to train must differ, were " + names);
    }
    names.forEach(weights::weight);
    synchronized (this) {
      if (open) {
        throw new IllegalStateException(
            "the model is being trained already; close that session or open another copy");
      }
      open = true;
    }
    stopStartToken.accept(options.stopStartToken());
    return new DjlTrainingSession(manager.newSubManager(), weights, names, options, this::ended);
  }

  private synchronized void ended() {
    stopStartToken.accept(false);
    open = false;
  }
}
