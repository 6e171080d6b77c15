package dev.ablation.djl.train;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.model.AdamW;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/** Gradients and steps of some arrays; until it is closed the network computes with them. */
final class DjlTrainingSession implements TrainingSession {
  private final NDManager manager;
  private final Trainable trainable;
  private final Runnable ended;
  private boolean closed;

  /**
   * Makes the network compute with the arrays.
   *
   * @param manager owner of everything that the session makes, closed with it
   * @param trainable what is trained
   * @param ended called when the session is closed
   */
  DjlTrainingSession(NDManager manager, Trainable trainable, Runnable ended) {
    this.manager = manager;
    this.trainable = trainable;
    this.ended = ended;
    trainable.use(true);
  }

  @Override
  public List<String> names() {
    return trainable.names();
  }

  @Override
  public NDList weights() {
    return trainable.arrays();
  }

  @Override
  public void restore(NDList saved) {
    NDList copies = trainable.arrays();
    if (!Arrays.equals(saved.getShapes(), copies.getShapes())) {
      throw new IllegalArgumentException(
          "weights: expected shapes %s, were %s"
              .formatted(Arrays.toString(copies.getShapes()), Arrays.toString(saved.getShapes())));
    }
    for (int i = 0; i < saved.size(); i++) {
      Kernels.copy(saved.get(i), copies.get(i));
    }
  }

  @Override
  public Gradients gradients(Supplier<NDArray> loss, NDManager scope) {
    NDArray value = GradMode.with(true, loss);
    if (value.getShape().size() != 1) {
      throw new IllegalArgumentException(
          "loss: expected a scalar, was of shape " + value.getShape());
    }
    double number = value.toType(DataType.FLOAT32, false).getFloat();
    try {
      NDList gradients =
          GradMode.with(
              true, () -> Kernels.GRADIENTS_OR_ZEROS.callWithLists(value, List.copyOf(weights())));
      if (gradients.isEmpty()) {
        throw new IllegalStateException("the loss must depend on a trained weight, but is of none");
      }
      gradients.attach(scope);
      trainable.mask(gradients);
      return new Gradients(number, gradients);
    } catch (EngineException e) {
      throw new IllegalStateException(
          "the loss must depend on the trained weights through recorded operations: "
              + firstLine(e),
          e);
    }
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  @Override
  public <T> T withoutGradients(Supplier<T> body) {
    return GradMode.with(false, body);
  }

  @Override
  public <T> T withBaseWeights(Supplier<T> body) {
    trainable.use(false);
    try {
      return GradMode.with(false, body);
    } finally {
      trainable.use(true);
    }
  }

  @Override
  public Optimizer optimizer(AdamW settings) {
    return new FusedAdamW(settings, weights(), manager, trainable::afterStep);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      trainable.use(false);
      manager.close();
      ended.run();
    }
  }
}
