package dev.ablation.djl.train;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Recomputation;
import dev.ablation.model.AdamW;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Gradients and steps of some arrays; until it is closed the network computes with them. */
final class DjlTrainingSession implements TrainingSession {
  /** Below, it is not the scale that makes gradients overflow. */
  private static final double SMALLEST_SCALE = 1.0 / 64;

  private final NDManager manager;
  private final Trainable trainable;
  private final Runnable ended;
  private final boolean scales;
  private double lossScale;
  private boolean closed;

  /**
   * Makes the network compute with the arrays.
   *
   * @param manager owner of everything that the session makes, closed with it
   * @param trainable what is trained
   * @param lossScale by which losses are multiplied before gradients are taken; 1 for none
   * @param ended called when the session is closed
   */
  DjlTrainingSession(NDManager manager, Trainable trainable, double lossScale, Runnable ended) {
    this.manager = manager;
    this.lossScale = lossScale;
    scales = lossScale != 1;
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
    while (true) {
      Optional<Gradients> found = scaledGradients(loss, scope);
      if (found.isPresent()) {
        trainable.mask(found.get().values());
        return found.get();
      }
      lossScale /= 2;
    }
  }

  /** The gradients; empty if those of the scaled loss overflow and a smaller scale is possible. */
  private Optional<Gradients> scaledGradients(Supplier<NDArray> loss, NDManager scope) {
    try (Recomputation recomputation = Recomputation.begin(manager)) {
      NDArray value = GradMode.with(true, loss);
      if (value.getShape().size() != 1) {
        throw new IllegalArgumentException(
            "loss: expected a scalar, was of shape " + value.getShape());
      }
      double number = value.toType(DataType.FLOAT32, false).getFloat();
      NDArray scaled =
          lossScale == 1 ? value : GradMode.with(true, () -> scale(lossScale).call(value));
      NDList gradients = recomputation.gradientsOrZeros(scaled, List.copyOf(weights()));
      if (gradients.isEmpty()) {
        throw new IllegalStateException("the loss must depend on a trained weight, but is of none");
      }
      if (scales) { // also where it has been halved down to 1
        if (lossScale > SMALLEST_SCALE && !allFinite(gradients)) {
          return Optional.empty();
        }
        GradMode.with(
            false,
            () -> {
              gradients.forEach(gradient -> gradient.muli(1 / lossScale));
              return gradients;
            });
      }
      gradients.attach(scope);
      return Optional.of(new Gradients(number, gradients));
    } catch (EngineException e) {
      throw new IllegalStateException(
          "the loss must depend on the trained weights through recorded operations: "
              + firstLine(e),
          e);
    }
  }

  private static Kernel scale(double factor) {
    return Kernel.of("(x): return torch.mul(x, %s)".formatted(factor));
  }

  private static boolean allFinite(NDList gradients) {
    for (NDArray gradient : gradients) {
      try (NDArray finite = GradMode.with(false, () -> Kernels.ALL_FINITE.call(gradient))) {
        if (!finite.getBoolean()) {
          return false;
        }
      }
    }
    return true;
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
