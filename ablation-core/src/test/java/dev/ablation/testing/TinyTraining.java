package dev.ablation.testing;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import dev.ablation.model.AdamW;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Gradients by DJL's own collector, AdamW by its plain formula: training without any kernel. */
// @start region="session"
final class TinyTraining implements Differentiable {
  /** DJL's PyTorch engine allows one collector in a JVM. */
  private static final Object COLLECTOR = new Object();

  private final NDManager parent;
  private final TinyWeights weights;
  private final Consumer<Boolean> stopStartToken;
  private boolean open;

  TinyTraining(NDManager parent, TinyWeights weights, Consumer<Boolean> stopStartToken) {
    this.parent = parent;
    this.weights = weights;
    this.stopStartToken = stopStartToken;
  }

  @Override
  public TrainingSession train(List<String> names, GradientOptions options) {
    if (names.isEmpty() || new HashSet<>(names).size() != names.size()) {
      throw new IllegalArgumentException("weights to train must differ, at least one: " + names);
    }
    names.forEach(weights::get);
    if (open) {
      throw new IllegalStateException("the model is being trained; close that session first");
    }
    open = true;
    stopStartToken.accept(options.stopStartToken());
    return new Session(names, options);
  }

  private final class Session implements TrainingSession {
    private final NDManager manager = parent.newSubManager();
    private final List<String> names;
    private final NDList copies = new NDList();
    private final List<@Nullable NDArray> before = new ArrayList<>();
    private final Map<Integer, NDArray> trainedRows = new HashMap<>();
    private final boolean decayOtherRows;
    private int frozen;
    private boolean closed;

    Session(List<String> names, GradientOptions options) {
      this.names = List.copyOf(names);
      decayOtherRows = options.decayOtherRows();
      for (String name : names) {
        Set<Integer> rows = options.rows().get(name);
        if (rows != null) {
          trainedRows.put(copies.size(), mask(weights.get(name).getShape(), rows));
        }
        NDArray copy = weights.get(name).duplicate();
        copy.attach(manager);
        copy.setRequiresGradient(true);
        copies.add(copy);
        before.add(weights.bound(name));
      }
      bind(copies);
    }

    /** Whether an entry is trained: its row, that is its index along the first axis, decides. */
    private NDArray mask(Shape shape, Set<Integer> rows) {
      boolean[] trained = new boolean[Math.toIntExact(shape.size())];
      int width = trained.length / Math.toIntExact(shape.get(0));
      rows.forEach(row -> Arrays.fill(trained, row * width, (row + 1) * width, true));
      return manager.create(trained, shape);
    }

    /** Takes the rows that are not trained from another array, in place. */
    private void resetOtherRows(int index, NDArray array, NDArray others) {
      NDArray mask = trainedRows.get(index);
      if (mask != null) {
        try (NDArray reset = NDArrays.where(mask, array, others)) {
          reset.copyTo(array);
        }
      }
    }

    private void bind(List<? extends @Nullable NDArray> arrays) {
      for (int i = 0; i < arrays.size(); i++) {
        weights.bind(names.get(i), arrays.get(i));
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
                .formatted(
                    Arrays.toString(copies.getShapes()), Arrays.toString(saved.getShapes())));
      }
      copies.forEach(copy -> copy.setRequiresGradient(false));
      for (int i = 0; i < saved.size(); i++) {
        copies.get(i).set(new NDIndex(":"), saved.get(i)); // in its own memory
      }
      copies.forEach(copy -> copy.setRequiresGradient(frozen == 0));
    }

    @Override
    public Gradients gradients(Supplier<NDArray> loss, NDManager scope) {
      double value;
      synchronized (COLLECTOR) {
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
          value = backward(collector, loss.get());
        }
      }
      NDList gradients = new NDList();
      for (NDArray copy : copies) {
        // The engine adds up: what was recorded is taken out and set to zero, in its own memory.
        try (NDArray recorded = copy.getGradient();
            NDScope intermediate = new NDScope()) {
          intermediate.suppressNotUsedWarning();
          NDArray gradient = recorded.duplicate();
          NDScope.unregister(gradient);
          gradient.attach(scope);
          recorded.set(new NDIndex(":"), 0);
          resetOtherRows(gradients.size(), gradient, recorded);
          gradients.add(gradient);
        }
      }
      return new Gradients(value, gradients);
    }

    private double backward(GradientCollector collector, NDArray loss) {
      if (loss.getShape().size() != 1) {
        throw new IllegalArgumentException("loss: expected a scalar, was " + loss.getShape());
      }
      try (NDScope intermediate = new NDScope()) {
        intermediate.suppressNotUsedWarning();
        collector.backward(loss);
        return loss.toType(DataType.FLOAT32, true).getFloat();
      } catch (EngineException e) {
        throw new IllegalStateException("the loss must depend on a trained weight", e);
      }
    }

    @Override
    public <T> T withoutGradients(Supplier<T> body) {
      frozen++;
      copies.forEach(copy -> copy.setRequiresGradient(false));
      try {
        return body.get();
      } finally {
        frozen--;
        copies.forEach(copy -> copy.setRequiresGradient(frozen == 0));
      }
    }

    @Override
    public <T> T withBaseWeights(Supplier<T> body) {
      bind(before);
      try {
        return withoutGradients(body);
      } finally {
        bind(copies);
      }
    }

    @Override
    public Optimizer optimizer(AdamW settings) {
      return new PlainAdamW(settings, this);
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        bind(before);
        manager.close();
        stopStartToken.accept(false);
        open = false;
      }
    }
  }

  private static final class PlainAdamW implements Optimizer {
    private final AdamW settings;
    private final Session session;
    private final NDList first = new NDList();
    private final NDList second = new NDList();
    private long steps;

    PlainAdamW(AdamW settings, Session session) {
      this.settings = settings;
      this.session = session;
      for (NDArray weight : session.weights()) {
        first.add(session.manager.zeros(weight.getShape()));
        second.add(session.manager.zeros(weight.getShape()));
      }
    }

    @Override
    public double step(NDList gradients, double learningRate, double maxGradientNorm) {
      double norm = norm(gradients);
      if (!Double.isFinite(norm)) {
        return norm;
      }
      float factor = (float) Math.min(1, maxGradientNorm / (norm + 1e-6));
      steps++;
      return session.withoutGradients(() -> {
        for (int i = 0; i < gradients.size(); i++) {
          NDArray gradient = gradients.get(i).muli(factor);
          NDArray weight = session.weights().get(i);
          try (NDArray before = weight.duplicate()) {
            settings.update(weight, gradient, first.get(i), second.get(i), learningRate, steps);
            if (!session.decayOtherRows) {
              session.resetOtherRows(i, weight, before);
            }
          }
        }
        return norm;
      });
    }

    private static double norm(NDList arrays) {
      double sum = 0;
      for (NDArray array : arrays) {
        for (float value : array.toFloatArray()) {
          sum += (double) value * value;
        }
      }
      return Math.sqrt(sum);
    }

    @Override
    public long steps() {
      return steps;
    }

    @Override
    public NDList moments() {
      NDList moments = new NDList(first);
      moments.addAll(second);
      return moments;
    }

    @Override
    public void restore(NDList moments, long steps) {
      NDList own = moments();
      for (int i = 0; i < own.size(); i++) {
        moments.get(i).copyTo(own.get(i));
      }
      this.steps = steps;
    }
  }
}
// @end
