package dev.ablation.djl.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.internal.kernel.Parallel;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.model.AdamW;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Training of networks, such as an autoencoder, by several threads: each computes the gradients of
 * its share of a batch, the optimiser makes one step with their mean. On a processor with few cores
 * threads with one core each are faster than operations that share the cores, because small
 * operations share badly.
 *
 * {@snippet class="dev.ablation.djl.train.ParallelTrainingTest" region="train"}
 *
 * <p>Every thread has a replica of the networks; all replicas read the same weights, so that there
 * is nothing to copy between steps. The mean is summed in the order of the threads: with the same
 * inputs a step gives the same bytes. Use it, but for the losses, from the thread that made it.
 *
 * @param <N> what is trained: a network, or what holds some of them
 */
public final class ParallelTraining<N> implements AutoCloseable {
  private final NDManager manager;
  private final List<N> replicas;
  private final List<NamedWeights> weights = new ArrayList<>();
  private final TrainingSession session;

  /** Of every replica but the first, its own handles of the session's weights. */
  private final List<NDList> handles = new ArrayList<>();

  private final NDArray owner;
  private boolean closed;

  /**
   * Begins training.
   *
   * @param replicas one a thread, all of one configuration; of the first one all weights are
   *     loaded, of the others those that are not trained
   * @param trained the weights that are trained; they are read once from every replica
   * @param parent of the manager that owns the copies under training
   */
  public ParallelTraining(List<N> replicas, Function<N, NamedWeights> trained, NDManager parent) {
    if (replicas.isEmpty()) {
      throw new IllegalArgumentException("replicas must not be empty");
    }
    this.replicas = List.copyOf(replicas);
    manager = parent.newSubManager();
    replicas.forEach(replica -> weights.add(trained.apply(replica)));
    NamedWeights first = weights.get(0);
    List<String> names = first.list().stream().map(info -> info.name()).toList();
    session = new DjlTraining(manager, first, stop -> {}).train(names, new GradientOptions(false));
    for (NamedWeights others : weights.subList(1, weights.size())) {
      NDList own = new NDList();
      for (NDArray weight : session.weights()) {
        NDArray handle = Kernels.SAME.call(weight);
        handle.attach(manager);
        own.add(handle);
      }
      handles.add(own);
      bind(others, names, own);
    }
    owner = manager.zeros(new ai.djl.ndarray.types.Shape());
  }

  private static void bind(NamedWeights weights, List<String> names, NDList arrays) {
    for (int i = 0; i < names.size(); i++) {
      weights.bind(names.get(i), arrays.get(i));
    }
  }

  /** {@return the replicas} The first one is for use between steps too. */
  public List<N> replicas() {
    return replicas;
  }

  /** {@return the names of the trained weights} */
  public List<String> names() {
    return session.names();
  }

  /** {@return the weights under training, in the order of {@link #names()}; not to be closed} */
  public NDList weights() {
    return session.weights();
  }

  /**
   * Creates an optimiser of the weights.
   *
   * @param settings of AdamW
   * @return an optimiser with empty moments, freed with this object
   */
  public Optimizer optimizer(AdamW settings) {
    return session.optimizer(settings);
  }

  /**
   * Computes the mean loss and its gradients, on all threads.
   *
   * @param loss of one thread's share; the shares must be of equal size
   * @param scope owner of the gradients
   * @return mean of the losses, mean of the gradients
   */
  public Gradients gradients(Loss<N> loss, NDManager scope) {
    List<Gradients> all =
        Parallel.compute(
            replicas.size(),
            thread ->
                thread == 0
                    ? session.gradients(() -> loss.of(0, replicas.get(0), scope), scope)
                    : ofReplica(loss, thread, scope));
    return mean(all);
  }

  private Gradients ofReplica(Loss<N> loss, int thread, NDManager scope) {
    NDArray value = GradMode.with(true, () -> loss.of(thread, replicas.get(thread), scope));
    NDList own = handles.get(thread - 1);
    NDList gradients =
        GradMode.with(true, () -> Kernels.GRADIENTS.callWithLists(value, List.copyOf(own)));
    gradients.attach(scope);
    return new Gradients(value.getFloat(), gradients);
  }

  private Gradients mean(List<Gradients> all) {
    NDList sum = all.get(0).values();
    if (all.size() == 1) {
      return all.get(0);
    }
    return GradMode.with(
        false,
        () -> {
          double loss = all.get(0).loss();
          for (Gradients more : all.subList(1, all.size())) {
            Kernels.ADD_ALL_TO.callWithLists(owner, sum, more.values()).close();
            more.values().close();
            loss += more.loss();
          }
          sum.forEach(gradient -> gradient.divi(all.size()));
          return new Gradients(loss / all.size(), sum);
        });
  }

  /**
   * Evaluates something on the first replica without recording gradients, with other weights.
   *
   * @param values in the order of {@link #names()}, such as averages
   * @param body what to evaluate
   * @param <T> its result
   * @return the result
   */
  public <T> T with(NDList values, Function<N, T> body) {
    bind(weights.get(0), names(), values);
    try {
      return withoutGradients(() -> body.apply(replicas.get(0)));
    } finally {
      bind(weights.get(0), names(), session.weights());
    }
  }

  /**
   * Evaluates something without recording gradients.
   *
   * @param body what to evaluate
   * @param <T> its result
   * @return the result
   */
  public <T> T withoutGradients(Supplier<T> body) {
    return GradMode.with(false, body);
  }

  /** Binds the first replica's own weights again, the others' none, and frees the copies. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (NamedWeights others : weights.subList(1, weights.size())) {
      names().forEach(name -> others.bind(name, null));
    }
    session.close();
    manager.close();
  }

  /**
   * The loss of one thread's share of a batch. Called on that thread, with gradients recorded.
   *
   * @param <N> what is trained
   */
  @FunctionalInterface
  public interface Loss<N> {
    /**
     * Computes the loss.
     *
     * @param thread index of the thread, which says which share
     * @param replica of the networks, for this thread alone
     * @param scope owner of the step's arrays; attach to it what the backward pass reads
     * @return a scalar
     */
    NDArray of(int thread, N replica, NDManager scope);
  }
}
