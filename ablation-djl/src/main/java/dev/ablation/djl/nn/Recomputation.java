package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.model.LoraFactors;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Gradients of a loss in which some layers are computed twice (gradient checkpointing; Chen et al.
 * 2016, arXiv 1604.06174): once without recording, of which only inputs and outputs are kept, and
 * once more in the backward pass, with recording. It costs about one forward pass more, and what
 * the engine keeps for the backward pass is that of one layer at a time.
 *
 * <p>In the same way, a network that several threads compute, each a part of the batch, is
 * differentiated by these threads: the engine would walk back over all parts on one thread.
 *
 * <p>The engine's graph ends at the inputs and outputs of these layers. The backward pass walks
 * over the layers from the last to the first; the graph between two of them is differentiated by
 * the engine. Without such layers the engine differentiates the whole loss.
 *
 * <p>For the thread that opened it, from the computation of the loss to that of its gradients.
 */
public final class Recomputation implements AutoCloseable {
  private static final ThreadLocal<@Nullable Recomputation> CURRENT = new ThreadLocal<>();

  private static final Kernel DETACH = Kernel.of("(x): return torch.detach(x)");

  /**
   * {@code (like, ys, gs, xs)}: gradients with respect to xs of the sum of products of ys and gs;
   * an array without elements stands for none.
   */
  private static Kernel jacobian(boolean keepGraph) {
    return Kernel.of(
        """
        (like, ys: List[Tensor], gs: List[Tensor], xs: List[Tensor]):
            seeds = annotate(List[Optional[Tensor]], [])
            for g in gs:
              _0 = torch.append(seeds, g)
            found = torch.grad(ys, xs, seeds, %s, False, True)
            out = annotate(List[Tensor], [])
            for x in found:
              if torch.__is__(x, None):
                _1 = torch.append(out, torch.empty([0], dtype=6, layout=None, device=None, pin_memory=None, memory_format=None))
              else:
                _2 = torch.append(out, unchecked_cast(Tensor, x))
            return out\
        """
            .formatted(keepGraph ? "True" : "False"));
  }

  private final NDManager manager;
  private final @Nullable Recomputation outer;
  private final List<Segment> segments = new ArrayList<>();

  /** What layers were given and gave, by the arrays that the callers hold. */
  private final IdentityHashMap<NDArray, Node> nodes = new IdentityHashMap<>();

  /** A tensor at which the graph ends. */
  private static final class Node {
    /** A handle of its own: callers close theirs. */
    private final NDArray handle;

    /** Index of the layer that gave it, or of the first one that is given it. */
    private final int segment;

    private final boolean isOutput;
    private @Nullable NDArray gradient;

    Node(NDArray handle, int segment, boolean isOutput) {
      this.handle = handle;
      this.segment = segment;
      this.isOutput = isOutput;
    }
  }

  /**
   * One call of a layer.
   *
   * @param parts of the batch, whose graphs are kept; none where the call is repeated
   */
  private record Segment(Layer layer, List<Node> inputs, List<Node> outputs, List<Part> parts) {}

  /** A part of the batch, computed by a thread of its own: leaves of its graph, and its results. */
  private record Part(NDList inputs, NDList outputs) {}

  private Recomputation(NDManager manager, @Nullable Recomputation outer) {
    this.manager = manager;
    this.outer = outer;
  }

  /**
   * Starts: from now on the layers that say so are not recorded.
   *
   * @param parent of the manager of what is kept
   * @return to be closed, which frees all
   */
  public static Recomputation begin(NDManager parent) {
    Recomputation begun = new Recomputation(parent.newSubManager(), CURRENT.get());
    CURRENT.set(begun);
    return begun;
  }

  /** The one of this thread, if any. */
  static @Nullable Recomputation current() {
    return CURRENT.get();
  }

  /** Computes a layer without recording, so that its outputs are leaves of the graph. */
  NDList call(Layer layer, NDList in, Supplier<NDList> body) {
    NDList out = GradMode.with(false, body);
    if (isRecorded(layer, in)) {
      add(layer, in, out, List.of());
    }
    return out;
  }

  /** Computes a layer by several threads, recording the graph of each part of the batch. */
  NDList callInParts(Layer layer, NDList in, int count) {
    if (!isRecorded(layer, in)) {
      return GradMode.with(false, () -> BatchParts.compute(layer, in, count));
    }
    List<NDList> inputs = BatchParts.split(layer, in, count);
    for (int i = 0; i < in.size(); i++) {
      if (layer.hasBatch(i)) {
        boolean leaf = Kernels.requiresGradient(in.get(i));
        for (NDList part : inputs) {
          kept(part.get(i)).setRequiresGradient(leaf);
        }
      }
    }
    List<Part> parts =
        BatchParts.inParallel(count, i -> new Part(inputs.get(i), layer.compute(inputs.get(i))));
    NDList out = new NDList();
    for (int i = 0; i < parts.get(0).outputs().size(); i++) {
      NDArray whole = BatchParts.join(parts.stream().map(Part::outputs).toList(), i);
      whole.attach(in.head().getManager());
      out.add(whole);
    }
    parts.forEach(part -> part.outputs().forEach(this::kept));
    if (parts.get(0).outputs().stream().anyMatch(Kernels::requiresGradient)) {
      add(layer, in, out, parts);
    }
    return out;
  }

  private static boolean isRecorded(Layer layer, NDList in) {
    if (in.stream().anyMatch(Kernels::requiresGradient)) {
      return true;
    }
    boolean[] found = {false};
    forEachBound(layer, array -> found[0] = found[0] || Kernels.requiresGradient(array));
    return found[0];
  }

  /** Makes the outputs of a call leaves of the graph. */
  private void add(Layer layer, NDList in, NDList out, List<Part> parts) {
    int index = segments.size();
    List<Node> inputs = new ArrayList<>();
    for (NDArray input : in) {
      inputs.add(nodes.computeIfAbsent(input, key -> new Node(handle(key), index, false)));
    }
    List<Node> outputs = new ArrayList<>();
    for (NDArray output : out) {
      output.setRequiresGradient(true);
      Node node = new Node(handle(output), index, true);
      nodes.put(output, node);
      outputs.add(node);
    }
    segments.add(new Segment(layer, inputs, outputs, parts));
  }

  /** Another handle of a tensor, which lives until the end. */
  private NDArray handle(NDArray array) {
    return kept(Kernels.SAME.call(array));
  }

  private NDArray kept(NDArray array) {
    NDScope.unregister(array);
    array.attach(manager);
    return array;
  }

  /** What a layer computes with that records gradients. */
  private static List<NDArray> trained(Layer layer) {
    List<NDArray> arrays = new ArrayList<>();
    forEachBound(layer, arrays::add);
    arrays.removeIf(array -> !Kernels.requiresGradient(array));
    return arrays;
  }

  private static void forEachBound(Layer layer, Consumer<NDArray> visitor) {
    layer.forEachWeight((name, weight) -> {
      NDArray bound = weight.bound();
      if (bound != null) {
        visitor.accept(bound);
      }
      LoraFactors change = weight.change();
      if (change != null) {
        visitor.accept(change.down());
        visitor.accept(change.up());
      }
    });
  }

  /**
   * {@link #gradients} with zeros for variables on which the loss does not depend.
   *
   * @param loss a scalar
   * @param variables leaves of the graph
   * @return gradients in the order of the variables; none if the loss depends on none of them
   */
  public NDList gradientsOrZeros(NDArray loss, List<NDArray> variables) {
    if (segments.isEmpty()) {
      CURRENT.set(outer);
      return GradMode.with(
          true, () -> Kernels.GRADIENTS_OR_ZEROS.callWithLists(loss, List.copyOf(variables)));
    }
    List<@Nullable NDArray> found = gradients(loss, variables);
    NDList all = new NDList();
    if (found.stream().anyMatch(Objects::nonNull)) {
      for (int i = 0; i < found.size(); i++) {
        NDArray gradient = found.get(i);
        all.add(gradient == null ? kept(variables.get(i).zerosLike()) : gradient);
      }
    }
    return all;
  }

  /**
   * Differentiates. Ends the recording of layers; to be called once.
   *
   * @param loss a scalar
   * @param variables leaves of the graph
   * @return gradients in the order of the variables, without an owner that closes them before
   *     {@link #close}; {@code null} for those on which the loss does not depend
   */
  public List<@Nullable NDArray> gradients(NDArray loss, List<NDArray> variables) {
    CURRENT.set(outer);
    if (segments.isEmpty()) {
      NDList all =
          GradMode.with(true, () -> Kernels.GRADIENTS.callWithLists(loss, List.copyOf(variables)));
      return new ArrayList<@Nullable NDArray>(all);
    }
    return GradMode.with(true, () -> new Backward(variables).of(loss));
  }

  /** One backward pass. */
  private final class Backward {
    private final List<NDArray> variables;
    private final List<@Nullable NDArray> sums;
    private final IdentityHashMap<NDArray, Integer> indices = new IdentityHashMap<>();
    private final NDArray owner = manager.zeros(new Shape());

    Backward(List<NDArray> variables) {
      this.variables = variables;
      sums = new ArrayList<@Nullable NDArray>();
      for (int i = 0; i < variables.size(); i++) {
        sums.add(null);
        indices.put(variables.get(i), i);
      }
    }

    List<@Nullable NDArray> of(NDArray loss) {
      try (NDArray one = loss.onesLike()) {
        propagate(List.of(loss), List.of(one), segments.size());
      }
      for (int i = segments.size() - 1; i >= 0; i--) {
        if (segments.get(i).parts().isEmpty()) {
          recompute(segments.get(i));
        } else {
          differentiateParts(segments.get(i));
        }
        propagateInputs(i);
      }
      return sums;
    }

    /**
     * From tensors between the layers to the variables and the outputs of earlier layers. Weights
     * of these layers are met there, too: a batch of one is computed by one thread, beside those
     * that several share, and a loss may read a weight itself.
     */
    private void propagate(List<NDArray> ys, List<NDArray> seeds, int end) {
      List<NDArray> xs = new ArrayList<>(variables);
      int count = xs.size();
      List<Node> outputs = new ArrayList<>();
      for (Segment segment : segments.subList(0, end)) {
        outputs.addAll(segment.outputs());
      }
      outputs.forEach(node -> xs.add(node.handle));
      NDList found = jacobian(true, ys, seeds, xs);
      for (int i = 0; i < found.size(); i++) {
        if (found.get(i).size() > 0) {
          if (i < count) {
            add(xs.get(i), found.get(i));
          } else {
            add(outputs.get(i - count), found.get(i));
          }
        }
      }
    }

    private NDList jacobian(
        boolean keepGraph, List<NDArray> ys, List<NDArray> seeds, List<NDArray> xs) {
      if (xs.isEmpty()) {
        return new NDList();
      }
      NDList found = Recomputation.jacobian(keepGraph).callWithLists(owner, ys, seeds, xs);
      found.forEach(Recomputation.this::kept);
      return found;
    }

    private void recompute(Segment segment) {
      if (segment.outputs().stream().allMatch(node -> node.gradient == null)) {
        return;
      }
      try (NDScope scope = new NDScope()) {
        scope.suppressNotUsedWarning();
        NDList inputs = new NDList();
        List<NDArray> xs = new ArrayList<>();
        List<Node> sources = new ArrayList<>();
        for (Node input : segment.inputs()) {
          NDArray detached = DETACH.call(input.handle);
          inputs.add(detached);
          if (Kernels.requiresGradient(input.handle)) {
            detached.setRequiresGradient(true);
            xs.add(detached);
            sources.add(input);
          }
        }
        List<NDArray> weights = trained(segment.layer());
        xs.addAll(weights);
        NDList outputs = segment.layer().compute(inputs);
        List<NDArray> ys = new ArrayList<>();
        List<NDArray> seeds = new ArrayList<>();
        for (int i = 0; i < outputs.size(); i++) {
          NDArray seed = segment.outputs().get(i).gradient;
          if (seed != null && Kernels.requiresGradient(outputs.get(i))) {
            ys.add(outputs.get(i));
            seeds.add(seed);
          }
        }
        NDList found = ys.isEmpty() ? new NDList() : jacobian(false, ys, seeds, xs);
        for (int i = 0; i < found.size(); i++) {
          if (found.get(i).size() > 0) {
            if (i < sources.size()) {
              add(sources.get(i), found.get(i));
            } else {
              addOrPropagate(weights.get(i - sources.size()), found.get(i));
            }
          }
        }
      }
      release(segment);
    }

    private void release(Segment segment) {
      segment
          .outputs()
          .forEach(node -> {
            node.gradient = null;
            node.handle.close();
          });
    }

    /** Each thread that computed a part differentiates it. */
    private void differentiateParts(Segment segment) {
      List<Part> parts = segment.parts();
      try (NDScope scope = new NDScope()) {
        scope.suppressNotUsedWarning();
        addGradients(segment, parts);
      }
      for (Part part : parts) {
        for (int i = 0; i < part.inputs().size(); i++) {
          if (segment.layer().hasBatch(i)) {
            part.inputs().get(i).close();
          }
        }
        part.outputs().close();
      }
      release(segment);
    }

    private void addGradients(Segment segment, List<Part> parts) {
      if (segment.outputs().stream().anyMatch(node -> node.gradient != null)) {
        List<NDArray> weights = trained(segment.layer());
        List<Integer> leaves = new ArrayList<>();
        for (int i = 0; i < segment.inputs().size(); i++) {
          if (segment.layer().hasBatch(i)
              && Kernels.requiresGradient(segment.inputs().get(i).handle)) {
            leaves.add(i);
          }
        }
        List<@Nullable NDList> seeds = new ArrayList<@Nullable NDList>();
        for (Node output : segment.outputs()) {
          NDArray gradient = output.gradient;
          seeds.add(gradient == null ? null : BatchParts.cut(gradient, parts.size()));
        }
        List<NDList> found =
            BatchParts.inParallel(
                parts.size(), i -> jacobian(parts.get(i), i, seeds, leaves, weights));
        for (int i = 0; i < leaves.size(); i++) {
          add(segment.inputs().get(leaves.get(i)), kept(BatchParts.join(found, i)));
        }
        for (int i = 0; i < weights.size(); i++) {
          for (NDList ofPart : found) {
            NDArray gradient = ofPart.get(leaves.size() + i);
            if (gradient.size() > 0) {
              addOrPropagate(weights.get(i), gradient);
            }
          }
        }
      }
    }

    /**
     * The gradients of one part: those of its inputs {@code leaves}, zeros where there is none,
     * then those of the weights.
     */
    private NDList jacobian(
        Part part,
        int index,
        List<@Nullable NDList> seeds,
        List<Integer> leaves,
        List<NDArray> weights) {
      List<NDArray> ys = new ArrayList<>();
      List<NDArray> gradients = new ArrayList<>();
      for (int i = 0; i < seeds.size(); i++) {
        NDList seed = seeds.get(i);
        if (seed != null && Kernels.requiresGradient(part.outputs().get(i))) {
          ys.add(part.outputs().get(i));
          gradients.add(seed.get(index));
        }
      }
      List<NDArray> xs = new ArrayList<>();
      leaves.forEach(i -> xs.add(part.inputs().get(i)));
      // Handles of its own: the engine reads names of arrays, which one thread sets at a time.
      weights.forEach(weight -> xs.add(handle(weight)));
      NDList found = jacobian(false, ys, gradients, xs);
      for (int i = 0; i < leaves.size(); i++) {
        if (found.get(i).size() == 0) {
          found.set(i, kept(xs.get(i).zerosLike()));
        }
      }
      return found;
    }

    /** An array that is bound may itself be computed from the variables. */
    private void addOrPropagate(NDArray weight, NDArray gradient) {
      if (indices.containsKey(weight)) {
        add(weight, gradient);
      } else {
        propagate(List.of(weight), List.of(gradient), 0);
      }
    }

    private void add(NDArray variable, NDArray gradient) {
      int index = Objects.requireNonNull(indices.get(variable));
      sums.set(index, sum(sums.get(index), gradient));
    }

    private void add(Node node, NDArray gradient) {
      node.gradient = sum(node.gradient, gradient);
    }

    /** Not in place: the engine may have given the same array for several tensors. */
    private NDArray sum(@Nullable NDArray sum, NDArray gradient) {
      return sum == null ? gradient : kept(GradMode.with(false, () -> sum.add(gradient)));
    }

    /** All layers that use the inputs which layer {@code index} is the first to use are done. */
    private void propagateInputs(int index) {
      List<NDArray> ys = new ArrayList<>();
      List<NDArray> seeds = new ArrayList<>();
      List<Node> done = new ArrayList<>();
      for (Node input : new ArrayList<>(segments.get(index).inputs())) {
        if (!input.isOutput && input.segment == index && !done.contains(input)) {
          done.add(input);
          if (input.gradient != null) {
            ys.add(input.handle);
            seeds.add(input.gradient);
          }
        }
      }
      if (!ys.isEmpty()) {
        propagate(ys, seeds, index);
      }
      done.forEach(node -> {
        node.gradient = null;
        node.handle.close();
      });
    }
  }

  /** Frees all that was kept. */
  @Override
  public void close() {
    if (CURRENT.get() == this) {
      CURRENT.set(outer);
    }
    manager.close();
  }
}
