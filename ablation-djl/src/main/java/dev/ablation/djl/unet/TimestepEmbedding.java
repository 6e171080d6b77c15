package dev.ablation.djl.unet;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Activation;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;

/** Time features (B, in) to the time embedding (B, out): linear, activation, linear. */
final class TimestepEmbedding extends Layer {
  private final Linear linear1;
  private final Activation activation;
  private final Linear linear2;

  TimestepEmbedding(int in, int out, Activation activation) {
    this.activation = activation;
    linear1 = child("linear_1", new Linear(in, out));
    linear2 = child("linear_2", new Linear(out, out));
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(linear2.apply(activation.apply(linear1.apply(in.get(0)))));
  }
}
