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
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.WeightInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Gradients by DJL's own collector, AdamW by its plain formula: training without any kernel. */
// @start region="session"
final class TinyTraining implements Differentiable, LoraTraining, InputDifferentiable {
  /** DJL's PyTorch engine allows one collector in a JVM. */
  private static final Object COLLECTOR = new Object();

  private final NDManager parent;
  private final TinyWeights weights;
  private final Consumer<Boolean> stopStartToken;
  private @Nullable Session open;

  TinyTraining(NDManager parent, TinyWeights weights, Consumer<Boolean> stopStartToken) {
    this.parent = parent;
    this.weights = weights;
    this.stopStartToken = stopStartToken;
  }

  @Override
  public TrainingSession train(List<String> names, GradientOptions options) {
    check(names);
    return new CopySession(names, options);
  }

  private void check(List<String> names) {
    if (names.isEmpty() || new HashSet<>(names).size() != names.size()) {
      throw new IllegalArgumentException("weights to train must differ, at least one: " + names);
    }
    names.forEach(weights::get);
    if (open != null) {
      throw new IllegalStateException("the model is being trained; close that session first");
    }
  }

  private static double backward(GradientCollector collector, NDArray loss) {
    if (loss.getShape().size() != 1) {
      throw new IllegalArgumentException("loss: expected a scalar, was " + loss.getShape());
    }
    try (NDScope intermediate = new NDScope()) {
      intermediate.suppressNotUsedWarning();
      collector.backward(loss);
      return loss.toType(DataType.FLOAT32, true).getFloat();
    } catch (EngineException e) {
      throw new IllegalStateException("the loss must depend on what it is differentiated by", e);
    }
  }

  // @start region="inputs"
  @Override
  public InputDifferentiable.Gradients gradients(
      List<NDArray> inputs, Function<NDList, NDArray> loss) {
    if (inputs.isEmpty()) {
      throw new IllegalArgumentException("inputs must not be empty");
    }
    Session session = open;
    if (session == null) {
      return record(inputs, loss);
    }
    GradientCollector recording = session.recording;
    return session.withoutGradients(
        () -> recording == null ? record(inputs, loss) : differentiate(recording, inputs, loss));
  }

  private InputDifferentiable.Gradients record(
      List<NDArray> inputs, Function<NDList, NDArray> loss) {
    synchronized (COLLECTOR) {
      try (GradientCollector collector = parent.getEngine().newGradientCollector()) {
        return differentiate(collector, inputs, loss);
      }
    }
  }

  private static InputDifferentiable.Gradients differentiate(
      GradientCollector collector, List<NDArray> inputs, Function<NDList, NDArray> loss) {
    try (NDManager scope = inputs.get(0).getManager().newSubManager()) {
      NDList variables = new NDList();
      for (NDArray input : inputs) {
        NDArray variable = input.stopGradient().duplicate();
        variable.attach(scope);
        variable.setRequiresGradient(true);
        variables.add(variable);
      }
      double value = backward(collector, loss.apply(variables));
      NDList gradients = new NDList();
      for (int i = 0; i < inputs.size(); i++) {
        NDArray gradient = variables.get(i).getGradient().duplicate();
        gradient.attach(inputs.get(i).getManager());
        gradients.add(gradient);
      }
      return new InputDifferentiable.Gradients(value, gradients);
    }
  }

  // @end

  // @start region="low-rank"
  @Override
  public boolean hasLowRankForm(String weight) {
    return weights.get(weight).getShape().dimension() == 2 && !weight.equals(TinyDiffusion.TABLE);
  }

  @Override
  public TrainingSession train(List<String> names, Lora lora, long seed, GradientOptions options) {
    check(names);
    names.forEach(name -> {
      if (!hasLowRankForm(name) || options.rows().containsKey(name)) {
        throw new IllegalArgumentException(name + " cannot be trained in low-rank form");
      }
    });
    return new LoraSession(names, lora, seed, options);
  }

  /** Trains A and B; the network adds their product, see {@code TinyWeights.computed}. */
  private final class LoraSession extends Session {
    private final Map<String, LoraFactors> changes = new LinkedHashMap<>();

    LoraSession(List<String> names, Lora lora, long seed, GradientOptions options) {
      super(options);
      for (WeightInfo info : weights.list()) {
        if (names.contains(info.name())) {
          changes.put(info.name(), lora.initial(info, seed, manager));
        }
      }
      for (String name : names) {
        LoraFactors change = Objects.requireNonNull(changes.get(name));
        add(name + LoraFactors.DOWN, change.down());
        add(name + LoraFactors.UP, change.up());
      }
      use(true);
    }

    @Override
    void use(boolean trained) {
      changes.forEach((name, change) -> weights.change(name, trained ? change : null));
    }
  }

  // @end

  /** Trains copies of weights, which are bound in their place. */
  private final class CopySession extends Session {
    private final List<@Nullable NDArray> before = new ArrayList<>();

    CopySession(List<String> names, GradientOptions options) {
      super(options);
      for (String name : names) {
        Set<Integer> rows = options.rows().get(name);
        if (rows != null) {
          trainedRows.put(arrays.size(), mask(weights.get(name).getShape(), rows));
        }
        NDArray copy = weights.get(name).duplicate();
        copy.attach(manager);
        add(name, copy);
        before.add(weights.bound(name));
      }
      use(true);
    }

    /** Whether an entry is trained: its row, that is its index along the first axis, decides. */
    private NDArray mask(Shape shape, Set<Integer> rows) {
      boolean[] trained = new boolean[Math.toIntExact(shape.size())];
      int width = trained.length / Math.toIntExact(shape.get(0));
      rows.forEach(row -> Arrays.fill(trained, row * width, (row + 1) * width, true));
      return manager.create(trained, shape);
    }

    @Override
    void use(boolean trained) {
      for (int i = 0; i < before.size(); i++) {
        weights.bind(names.get(i), trained ? arrays.get(i) : before.get(i));
      }
    }
  }

  private abstract class Session implements TrainingSession {
    final NDManager manager = parent.newSubManager();
    final List<String> names = new ArrayList<>();
    final NDList arrays = new NDList();
    final Map<Integer, NDArray> trainedRows = new HashMap<>();
    private final boolean decayOtherRows;
    @Nullable GradientCollector recording;
    private int frozen;
    private boolean closed;

    Session(GradientOptions options) {
      decayOtherRows = options.decayOtherRows();
      open = this;
      stopStartToken.accept(options.stopStartToken());
    }

    final void add(String name, NDArray array) {
      array.setRequiresGradient(true);
      names.add(name);
      arrays.add(array);
    }

    /** Makes the network compute with the trained arrays, or with what it had before. */
    abstract void use(boolean trained);

    /** Takes the rows that are not trained from another array, in place. */
    private void resetOtherRows(int index, NDArray array, NDArray others) {
      NDArray mask = trainedRows.get(index);
      if (mask != null) {
        try (NDArray reset = NDArrays.where(mask, array, others)) {
          reset.copyTo(array);
        }
      }
    }

    @Override
    public List<String> names() {
      return List.copyOf(names);
    }

    @Override
    public NDList weights() {
      return arrays;
    }

    @Override
    public void restore(NDList saved) {
      if (!Arrays.equals(saved.getShapes(), arrays.getShapes())) {
        throw new IllegalArgumentException(
            "weights: expected shapes %s, were %s"
                .formatted(
                    Arrays.toString(arrays.getShapes()), Arrays.toString(saved.getShapes())));
      }
      arrays.forEach(copy -> copy.setRequiresGradient(false));
      for (int i = 0; i < saved.size(); i++) {
        arrays.get(i).set(new NDIndex(":"), saved.get(i)); // in its own memory
      }
      arrays.forEach(copy -> copy.setRequiresGradient(frozen == 0));
    }

    @Override
    public Gradients gradients(Supplier<NDArray> loss, NDManager scope) {
      double value;
      synchronized (COLLECTOR) {
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
          recording = collector;
          value = backward(collector, loss.get());
        } finally {
          recording = null;
        }
      }
      NDList gradients = new NDList();
      for (NDArray copy : arrays) {
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

    @Override
    public <T> T withoutGradients(Supplier<T> body) {
      frozen++;
      arrays.forEach(copy -> copy.setRequiresGradient(false));
      try {
        return body.get();
      } finally {
        frozen--;
        arrays.forEach(copy -> copy.setRequiresGradient(frozen == 0));
      }
    }

    @Override
    public <T> T withBaseWeights(Supplier<T> body) {
      use(false);
      try {
        return withoutGradients(body);
      } finally {
        use(true);
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
        use(false);
        manager.close();
        stopStartToken.accept(false);
        open = null;
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
