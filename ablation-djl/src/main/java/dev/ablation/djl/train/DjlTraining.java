package dev.ablation.djl.train;

import ai.djl.ndarray.NDManager;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.Precision;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.TrainingSession;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Opens training sessions on the weights of a model, or on low-rank changes of them; one at a time.
 */
public final class DjlTraining implements Differentiable, LoraTraining {
  /** Halved as often as gradients overflow; a power of 2, so that it changes no digits. */
  private static final double FIRST_SCALE = 65_536;

  private final NDManager manager;
  private final NamedWeights weights;
  private final Consumer<Boolean> stopStartToken;
  private final double lossScale;
  private boolean open;

  /**
   * Creates the capability for a model that computes in float32.
   *
   * @param manager of the model
   * @param weights of the model
   * @param stopStartToken receives whether gradients stop at the start token
   */
  public DjlTraining(NDManager manager, NamedWeights weights, Consumer<Boolean> stopStartToken) {
    this(manager, weights, Precision.FLOAT32, stopStartToken);
  }

  /**
   * Creates the capability.
   *
   * @param manager of the model
   * @param weights of the model
   * @param precision in which the model computes: losses are scaled before gradients are taken in
   *     float16, in which small ones would vanish (Micikevicius et al. 2018, arXiv 1710.03740,
   *     section 3.2)
   * @param stopStartToken receives whether gradients stop at the start token
   */
  public DjlTraining(
      NDManager manager,
      NamedWeights weights,
      Precision precision,
      Consumer<Boolean> stopStartToken) {
    lossScale = precision == Precision.FLOAT16 ? FIRST_SCALE : 1;
    this.manager = manager;
    this.weights = weights;
    this.stopStartToken = stopStartToken;
  }

  @Override
  public TrainingSession train(List<String> names, GradientOptions options) {
    begin(names, options);
    return session(scope -> new WeightCopies(scope, weights, names, options));
  }

  @Override
  public boolean hasLowRankForm(String weight) {
    return weights.weight(weight).supportsLora();
  }

  @Override
  public TrainingSession train(List<String> names, Lora lora, long seed, GradientOptions options) {
    for (String name : names) {
      if (!hasLowRankForm(name)) {
        throw new IllegalArgumentException("weight '" + name + "' has no low-rank form");
      }
    }
    if (!options.rows().isEmpty()) {
      throw new IllegalArgumentException(
          "rows must be empty where low-rank changes are trained, were those of "
              + options.rows().keySet());
    }
    begin(names, options);
    return session(scope -> new LoraAdapters(scope, weights, names, lora, seed));
  }

  private void begin(List<String> names, GradientOptions options) {
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
    try {
      weights.use().claim();
    } catch (RuntimeException e) {
      synchronized (this) {
        open = false;
      }
      throw e;
    }
    stopStartToken.accept(options.stopStartToken());
  }

  private TrainingSession session(Function<NDManager, Trainable> trainable) {
    NDManager scope = manager.newSubManager();
    try {
      return new DjlTrainingSession(scope, trainable.apply(scope), lossScale, this::ended);
    } catch (RuntimeException e) {
      scope.close();
      ended();
      throw e;
    }
  }

  private synchronized void ended() {
    stopStartToken.accept(false);
    weights.use().release();
    open = false;
  }
}
