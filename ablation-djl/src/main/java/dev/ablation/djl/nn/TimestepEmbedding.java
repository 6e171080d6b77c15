package dev.ablation.djl.nn;

import ai.djl.ndarray.NDList;

/** Features (B, in) to an embedding (B, out): linear, activation, linear. */
public final class TimestepEmbedding extends Layer {
  private final Linear linear1;
  private final Activation activation;
  private final Linear linear2;

  /**
   * Creates the layer.
   *
   * @param in width of the features
   * @param out width of the embedding
   * @param activation between the linear maps
   */
  public TimestepEmbedding(int in, int out, Activation activation) {
    this.activation = activation;
    linear1 = child("linear_1", new Linear(in, out));
    linear2 = child("linear_2", new Linear(out, out));
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(linear2.apply(activation.apply(linear1.apply(in.get(0)))));
  }
}
