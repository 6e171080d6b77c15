package dev.ablation.djl.train;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ablation.djl.kernel.GradMode;
import dev.ablation.djl.kernel.Kernels;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.model.AdamW;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Trainable copies bound in place of a model's weights. */
final class DjlTrainingSession implements TrainingSession {
  private final NDManager manager;
  private final NamedWeights weights;
  private final List<String> names;
  private final NDList copies = new NDList();
  private final List<@Nullable NDArray> before = new ArrayList<>();
  private final List<RowMask> masks = new ArrayList<>();
  private final boolean decayOtherRows;
  private final Runnable ended;
  private boolean closed;

  DjlTrainingSession(
      NDManager manager,
      NamedWeights weights,
      List<String> names,
      GradientOptions options,
      Runnable ended) {
    this.manager = manager;
    this.decayOtherRows = options.decayOtherRows();
    this.weights = weights;
    this.names = List.copyOf(names);
    this.ended = ended;
    try {
      for (String name : names) {
        NDArray base = weights.get(name);
        NDArray copy = GradMode.with(false, base::duplicate);
        copy.attach(manager);
        copy.setRequiresGradient(true);
        copies.add(copy);
        before.add(weights.weight(name).bound());
        Set<Integer> rows = options.rows().get(name);
        if (rows != null) {
          masks.add(new RowMask(copies.size() - 1, base, rows, manager));
        }
      }
      bindCopies();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  @Override
  public List<String> names() {
    return names;
  }

  @Override
  public NDList weights() {
    return copies;
  }

  @Override
  public void restore(NDList saved) {
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
          GradMode.with(true, () -> Kernels.GRADIENTS.callWithLists(value, List.copyOf(copies)));
      gradients.attach(scope);
      masks.forEach(mask -> mask.clear(gradients.get(mask.index())));
      return new Gradients(number, gradients);
    } catch (EngineException e) {
      throw new IllegalStateException(
          "the loss must depend on every trained weight through recorded operations: "
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
    bindBefore();
    try {
      return GradMode.with(false, body);
    } finally {
      bindCopies();
    }
  }

  @Override
  public Optimizer optimizer(AdamW settings) {
    return new FusedAdamW(settings, copies, manager, this::keepOtherRows);
  }

  private void keepOtherRows() {
    if (!decayOtherRows) {
      masks.forEach(mask -> mask.keepOthers(copies.get(mask.index())));
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      bindBefore();
      manager.close();
      ended.run();
    }
  }

  private void bindCopies() {
    for (int i = 0; i < copies.size(); i++) {
      weights.bind(names.get(i), copies.get(i));
    }
  }

  private void bindBefore() {
    for (int i = 0; i < before.size(); i++) {
      weights.bind(names.get(i), before.get(i));
    }
  }
}
