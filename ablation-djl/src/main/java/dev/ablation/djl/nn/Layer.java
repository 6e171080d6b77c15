package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.WeightRole;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A DJL block whose children and weights carry the names of the checkpoint, and that says what its
 * weights are for. A call frees every intermediate array when it returns, widened copies of narrow
 * weights included; where gradients are recorded the engine keeps what it needs.
 */
public abstract class Layer extends AbstractBlock {
  private final Map<String, Layer> layers = new LinkedHashMap<>();
  private final Map<String, Weight> weights = new LinkedHashMap<>();
  private @Nullable Consumer<NDList> observer;
  private Precision precision = Precision.FLOAT32;
  private boolean recomputed;

  /** Whether inner layers are computed once more in the backward pass. */
  private boolean checkpointing;

  private int workers = 1;

  /** For subclasses. */
  protected Layer() {}

  /**
   * Adds a child.
   *
   * @param name the checkpoint's, dots allowed ({@code "down_blocks.0"})
   * @param layer the child
   * @param <L> its type
   * @return the child
   */
  protected final <L extends Layer> L child(String name, L layer) {
    layers.put(name, layer);
    return addChildBlock(name, layer);
  }

  /**
   * Adds a child whose weights are one projection of an attention.
   *
   * @param name the checkpoint's, dots allowed
   * @param layer the child
   * @param projection what its weights are, where they do not say it themselves
   * @param <L> its type
   * @return the child
   */
  protected final <L extends Layer> L child(String name, L layer, AttentionProjection projection) {
    layer.forEachWeight((path, weight) -> weight.describe(projection));
    return child(name, layer);
  }

  /**
   * Adds a child whose weights have a role of their own, such as a table of token embeddings.
   *
   * @param name the checkpoint's, dots allowed
   * @param layer the child
   * @param role of its weights, where they do not say it themselves
   * @param <L> its type
   * @return the child
   */
  protected final <L extends Layer> L child(String name, L layer, WeightRole role) {
    layer.forEachWeight((path, weight) -> weight.describe(role));
    return child(name, layer);
  }

  /**
   * Adds one of the layers of a text encoder.
   *
   * @param name the checkpoint's, dots allowed
   * @param index from 0
   * @param layer the child
   * @param <L> its type
   * @return the child
   */
  protected final <L extends Layer> L textLayer(String name, int index, L layer) {
    layer.forEachWeight((path, weight) -> weight.describe(index));
    return child(name, layer);
  }

  /**
   * Adds a weight.
   *
   * @param name the checkpoint's, such as {@code "weight"}
   * @param shape that a checkpoint must have
   * @return the weight, not loaded yet
   */
  protected final Weight weight(String name, long... shape) {
    Parameter parameter =
        addParameter(
            Parameter.builder()
                .setName(name)
                .setType(Parameter.Type.OTHER)
                .optRequiresGrad(false)
                .build());
    Weight weight = new Weight(parameter, new Shape(shape));
    weights.put(name, weight);
    return weight;
  }

  /**
   * Adds a stored table that is no weight: it is read and written with the weights, but no ablation
   * can choose it.
   *
   * @param name the checkpoint's
   * @param shape that a checkpoint must have
   * @return the table, not loaded yet
   */
  protected final Weight buffer(String name, long... shape) {
    Weight table = weight(name, shape);
    table.markBuffer();
    return table;
  }

  /**
   * Computes the layer.
   *
   * @param in inputs, which stay open
   * @return outputs; the first one is what {@link #apply} returns
   */
  protected abstract NDList call(NDList in);

  /**
   * Computes the layer.
   *
   * @param in inputs, which stay open
   * @return the first output, attached to the manager of the first input
   */
  public final NDArray apply(NDArray... in) {
    return applyAll(new NDList(in)).head();
  }

  /**
   * Computes the layer on an array that is not needed elsewhere: it is freed immediately, not when
   * the surrounding layer returns, which lowers the peak of memory.
   *
   * @param used first input, closed
   * @param more other inputs, which stay open
   * @return the first output
   */
  public final NDArray applyAndClose(NDArray used, NDArray... more) {
    NDList in = new NDList(used);
    Collections.addAll(in, more);
    NDArray out = applyAll(in).head();
    used.close();
    return out;
  }

  /**
   * Computes the layer.
   *
   * @param in inputs, which stay open
   * @return all outputs
   */
  public final NDList applyAll(NDList in) {
    NDList out = workers == 1 && !recomputed ? compute(in) : computeAsChosen(in);
    if (observer != null) {
      observer.accept(out);
    }
    return out;
  }

  /** In parts of the batch, or to be computed once more, where that is possible. */
  private NDList computeAsChosen(NDList in) {
    Recomputation recomputation = GradMode.isRecording() ? Recomputation.current() : null;
    int parts = parts(in, recomputation);
    if (parts > 1) {
      return recomputation == null
          ? BatchParts.compute(this, in, parts)
          : recomputation.callInParts(this, in, parts);
    }
    return recomputed && recomputation != null
        ? recomputation.call(this, in, () -> compute(in))
        : compute(in);
  }

  /** The number of parts in which a batch is computed. */
  private int parts(NDList in, @Nullable Recomputation recomputation) {
    if (workers == 1
        || precision.isHalf() // whose search for an overflow observes the layers
        || (GradMode.isRecording() && (recomputation == null || checkpointing))) {
      return 1;
    }
    return (int) Math.min(workers, in.head().getShape().get(0));
  }

  /** Calls the layer and frees what it made but its outputs. */
  final NDList compute(NDList in) {
    NDList out;
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      out = call(in);
      NDScope.unregister(out);
    }
    out.forEach(NDScope::register);
    return out;
  }

  /**
   * Chooses whether blocks of this network are computed once more in the backward pass, so that
   * what they keep for it is not in memory all at once (gradient checkpointing): residual and
   * transformer blocks, as in diffusers. Gradients are the same.
   *
   * @param recompute from the next call on
   */
  public final void setGradientCheckpointing(boolean recompute) {
    checkpointing = recompute;
    forEachLayer((name, layer) -> layer.recomputed = recompute && layer.isCheckpointed());
  }

  /**
   * Chooses how many threads compute a call of this layer, each a part of the batch, forward and
   * backward. They change nothing but the order of sums. Layers that compute in half precision, or
   * record gradients with gradient checkpointing, take the whole batch.
   *
   * @param workers positive; 1 for the calling thread alone
   */
  public void setWorkers(int workers) {
    if (workers < 1) {
      throw new IllegalArgumentException("workers must be positive, were " + workers);
    }
    this.workers = workers;
  }

  /**
   * Tells what is cut into parts where several workers compute.
   *
   * @param input index of an input of the call
   * @return whether its first axis is the batch
   */
  protected boolean hasBatch(int input) {
    return true;
  }

  /** {@return whether gradient checkpointing computes this layer twice; not for inner layers} */
  protected boolean isCheckpointed() {
    return false;
  }

  /**
   * Visits every weight of this layer and of its children, depth first, in the order of
   * construction.
   *
   * @param visitor receives the full name and the weight
   */
  public final void forEachWeight(BiConsumer<String, Weight> visitor) {
    visit("", (path, layer) -> layer.weights.forEach((n, w) -> visitor.accept(join(path, n), w)));
  }

  /**
   * Visits this layer and its children, depth first.
   *
   * @param visitor receives the full name, empty for this layer, and the layer
   */
  public final void forEachLayer(BiConsumer<String, Layer> visitor) {
    visit("", visitor);
  }

  /**
   * Chooses the number format of the products of this layer and of its children.
   *
   * @param precision from the next call on
   */
  public final void setPrecision(Precision precision) {
    forEachLayer((name, layer) -> {
      layer.precision = precision;
      layer.use(precision);
    });
  }

  /** {@return the number format in which this layer computes} */
  public final Precision precision() {
    return precision;
  }

  /**
   * Converts what a network is given to the dtype of its activations.
   *
   * @param x float32
   * @return {@code x} itself, or a narrower copy
   */
  protected final NDArray narrowed(NDArray x) {
    return precision.narrowed(x);
  }

  /**
   * Converts the result of a network to float32 and checks it.
   *
   * @param x closed, unless it is float32
   * @param in the inputs of this call
   * @return float32
   * @throws HalfPrecisionException if half precision gave infinity or NaN
   */
  protected final NDArray widened(NDArray x, NDList in) {
    if (!precision.isHalf()) {
      return x;
    }
    NDArray wide = Kernels.TO_FLOAT32.applyAndClose(x);
    if (!Overflow.isFinite(wide)) {
      throw Overflow.find(this, in);
    }
    return wide;
  }

  @Nullable Consumer<NDList> observer() {
    return observer;
  }

  /**
   * Told by {@link #setPrecision}; a layer that multiplies overrides it.
   *
   * @param precision from the next call on
   */
  protected void use(Precision precision) {}

  /**
   * Shows the outputs of every call to an observer.
   *
   * @param observer must neither close nor keep the arrays, which are changed or freed later;
   *     {@code null} ends it
   */
  public final void observe(@Nullable Consumer<NDList> observer) {
    this.observer = observer;
  }

  /** {@return whether the outputs are observed, so that nothing may be fused into them} */
  public final boolean isObserved() {
    return observer != null;
  }

  /**
   * Tells whether layers may be computed together in one kernel: none is observed, computes its
   * products in another format, or has a low-rank change.
   *
   * @param layers with their children
   * @return whether nothing but their weights decides what they compute
   */
  protected static boolean arePlain(Layer... layers) {
    for (Layer layer : layers) {
      if (layer.observer != null || !layer.hasPlainParts()) {
        return false;
      }
    }
    return true;
  }

  /** {@return {@link #arePlain} of the children; this layer itself may be observed} */
  protected final boolean hasPlainParts() {
    if (precision == Precision.BF16_MATMUL) {
      return false;
    }
    for (Weight weight : weights.values()) {
      if (weight.change() != null) {
        return false;
      }
    }
    for (Layer layer : layers.values()) {
      if (!arePlain(layer)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Lists what a kernel takes that computes layers together.
   *
   * @param inputs the kernel's first arguments
   * @param layers whose weights follow, depth first, in the order of construction
   * @return inputs and weights, these in the dtype that they have
   */
  protected static NDArray[] operands(List<NDArray> inputs, Layer... layers) {
    List<NDArray> all = new ArrayList<>(inputs);
    for (Layer layer : layers) {
      layer.addOperands(all);
    }
    return all.toArray(new NDArray[0]);
  }

  private void addOperands(List<NDArray> all) {
    weights.values().forEach(weight -> all.add(weight.operand()));
    layers.values().forEach(layer -> layer.addOperands(all));
  }

  private void visit(String path, BiConsumer<String, Layer> visitor) {
    visitor.accept(path, this);
    layers.forEach((name, layer) -> layer.visit(join(path, name), visitor));
  }

  private static String join(String path, String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  /** Computes the layer as a DJL block; weights are taken from the layer, not from the store. */
  @Override
  protected final NDList forwardInternal(
      ParameterStore parameterStore,
      NDList inputs,
      boolean training,
      @Nullable PairList<String, Object> params) {
    return applyAll(inputs);
  }

  /** Not supported: the shapes follow from the inputs of a call. */
  @Override
  public Shape[] getOutputShapes(Shape[] inputShapes) {
    throw new UnsupportedOperationException("output shapes are known after a call");
  }
}
