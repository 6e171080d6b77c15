package dev.ablation.golden;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;

/**
 * Float32 values outside the engine.
 *
 * @param shape of the tensor
 * @param values in C order
 */
@SuppressWarnings("ArrayRecordComponent") // never compared as a whole
public record Tensor(Shape shape, float[] values) {
  /** Checks that there are as many values as the shape says. */
  public Tensor {
    if (shape.size() != values.length) {
      throw new IllegalArgumentException(
          "values must be " + shape.size() + " for " + shape + ", were " + values.length);
    }
  }

  /**
   * Copies an array.
   *
   * @param array float32, on any device; stays open
   * @return its values
   */
  public static Tensor of(NDArray array) {
    return new Tensor(array.getShape(), array.toFloatArray());
  }

  /**
   * Copies arrays.
   *
   * @param arrays float32, on any device; stay open
   * @return their values
   */
  public static List<Tensor> of(NDList arrays) {
    return arrays.stream().map(Tensor::of).toList();
  }

  /**
   * Takes one item of the first axis.
   *
   * @param index of the item
   * @return the item, without the first axis
   */
  public Tensor item(int index) {
    Shape rest = shape.slice(1);
    int size = Math.toIntExact(rest.size());
    return new Tensor(rest, Arrays.copyOfRange(values, index * size, (index + 1) * size));
  }

  /**
   * Cuts the first axis.
   *
   * @param count of the items to keep
   * @return the first items
   */
  public Tensor first(long count) {
    long[] cut = shape.getShape().clone();
    int size = Math.toIntExact(shape.slice(1).size() * count);
    cut[0] = count;
    return new Tensor(new Shape(cut), Arrays.copyOf(values, size));
  }

  /**
   * Thins out rows and columns.
   *
   * @param step keep the rows and columns 0, step, 2 step and so on of the last two axes
   * @return what is kept
   */
  public Tensor every(int step) {
    long[] thin = shape.getShape().clone();
    int rank = thin.length;
    int height = Math.toIntExact(thin[rank - 2]);
    int width = Math.toIntExact(thin[rank - 1]);
    thin[rank - 2] = (height + step - 1) / step;
    thin[rank - 1] = (width + step - 1) / step;
    Shape kept = new Shape(thin);
    float[] result = new float[Math.toIntExact(kept.size())];
    int at = 0;
    for (int plane = 0; plane < values.length; plane += height * width) {
      for (int row = 0; row < height; row += step) {
        for (int column = 0; column < width; column += step) {
          result[at++] = values[plane + row * width + column];
        }
      }
    }
    return new Tensor(kept, result);
  }

  /** Returns the largest absolute value. */
  public double largest() {
    double largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  /** Returns the index of a value in words, such as {@code [0, 3, 2]}. */
  String index(int flat) {
    long[] sizes = shape.getShape();
    long[] index = new long[sizes.length];
    long rest = flat;
    for (int axis = sizes.length - 1; axis >= 0; axis--) {
      index[axis] = rest % sizes[axis];
      rest /= sizes[axis];
    }
    return Arrays.toString(index);
  }
}
