package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.WeightRole;
import java.util.Collections;
import java.util.LinkedHashMap;
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
   * Adds a stored table that is no weight: it is read, hashed and written with the weights, but no
   * ablation can choose it.
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
    NDList out;
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      out = call(in);
      NDScope.unregister(out);
    }
    out.forEach(NDScope::register);
    if (observer != null) {
      observer.accept(out);
    }
    return out;
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
    forEachLayer((name, layer) -> layer.use(precision));
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
