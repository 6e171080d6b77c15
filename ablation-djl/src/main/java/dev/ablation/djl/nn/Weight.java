package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import dev.ablation.model.LoraFactors;
import org.jspecify.annotations.Nullable;

/**
 * One weight of a layer: the array that was loaded and, for a while, another one bound in its
 * place. A layer computes with {@link #get()} and, if it is one that can, with {@link #change()}.
 */
public final class Weight {
  private final Shape shape;
  private final Parameter parameter;
  private @Nullable NDArray own;
  private @Nullable NDArray bound;
  private @Nullable LoraFactors change;
  private boolean changeable;

  Weight(Parameter parameter, Shape shape) {
    this.parameter = parameter;
    this.shape = shape;
  }

  /** {@return the shape that the network's configuration asks for} */
  public Shape shape() {
    return shape;
  }

  /** {@return the array to compute with} */
  public NDArray get() {
    NDArray array = bound == null ? own : bound;
    if (array == null) {
      throw new IllegalStateException("weight " + parameter.getName() + " has not been loaded");
    }
    return array;
  }

  /** {@return the weight's own array, whatever is bound} */
  public NDArray own() {
    if (own == null) {
      throw new IllegalStateException("weight " + parameter.getName() + " has not been loaded");
    }
    return own;
  }

  /**
   * Sets the weight's own array, once.
   *
   * @param array of {@link #shape()}; from now on owned by the network
   */
  public void load(NDArray array) {
    checkShape(array);
    parameter.setArray(array);
    array.setName(null); // a name would be read as syntax by the engine
    own = array;
  }

  /**
   * Computes with another array until further notice.
   *
   * @param array of {@link #shape()}, or {@code null} for the weight's own
   */
  public void bind(@Nullable NDArray array) {
    if (array != null) {
      checkShape(array);
    }
    bound = array;
  }

  /** {@return the array that is bound in place of the weight's own, if any} */
  public @Nullable NDArray bound() {
    return bound;
  }

  /** Says that the layer also computes with {@link #change()}. */
  Weight changeable() {
    changeable = true;
    return this;
  }

  /** {@return whether a low-rank change can be added} */
  public boolean supportsLora() {
    return changeable;
  }

  /**
   * Computes with a change added until further notice.
   *
   * @param change factors of {@link #shape()}, or {@code null} for none
   */
  public void change(@Nullable LoraFactors change) {
    if (change != null) {
      if (!changeable) {
        throw new IllegalArgumentException(
            "weight " + parameter.getName() + " has no low-rank form");
      }
      if (!change.shape().equals(shape)) {
        throw new IllegalArgumentException(
            "weight %s: expected factors of shape %s, were %s and %s"
                .formatted(
                    parameter.getName(), shape, change.down().getShape(), change.up().getShape()));
      }
    }
    this.change = change;
  }

  /** {@return the change that is added to what {@link #get()} returns, if any} */
  public @Nullable LoraFactors change() {
    return change;
  }

  private void checkShape(NDArray array) {
    if (!array.getShape().equals(shape)) {
      throw new IllegalArgumentException(
          "weight "
              + parameter.getName()
              + ": expected shape "
              + shape
              + ", was "
              + array.getShape());
    }
  }
}
