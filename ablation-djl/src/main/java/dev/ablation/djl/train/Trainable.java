package dev.ablation.djl.train;

import ai.djl.ndarray.NDList;
import java.util.List;

/** The arrays that a session trains, and how the network is made to compute with them. */
interface Trainable {

  /** The names of the arrays. */
  List<String> names();

  /** The arrays, leaves of the recorded operations. */
  NDList arrays();

  /** Makes the network compute with the arrays, or as before the session. */
  void use(boolean trained);

  /** Sets the gradients of untrained rows to zero. */
  default void mask(NDList gradients) {}

  /** Reverts the effect of a step on untrained rows. */
  default void afterStep() {}
}
