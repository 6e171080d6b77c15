package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.jspecify.annotations.Nullable;

/** A sum of arrays with scalar weights, which is what every step of a sampler is. */
final class WeightedSum {
  private final NDManager owner;
  private @Nullable NDArray sum;

  /** Begins a sum whose result will belong to {@code owner}. */
  WeightedSum(NDManager owner) {
    this.owner = owner;
  }

  /** Adds {@code weight * term}; a weight of zero adds nothing, whatever the term holds. */
  WeightedSum plus(double weight, NDArray term) {
    if (sum == null) {
      NDArray first = term.mul(weight);
      first.attach(owner);
      sum = first;
    } else if (weight != 0) {
      try (NDArray product = term.mul(weight)) {
        sum.addi(product);
      }
    }
    return this;
  }

  /** {@return the sum, a new array} */
  NDArray get() {
    if (sum == null) {
      throw new IllegalStateException("a sum needs a term");
    }
    return sum;
  }
}
