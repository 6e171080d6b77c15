package dev.ablation.djl.dit;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;

/** Linear - GELU in its tanh form - linear with four times the width inside; (B, N, C). */
public final class FeedForward extends Layer {
  private final Linear proj;
  private final Linear out;

  /**
   * Creates the layer.
   *
   * @param width C
   */
  public FeedForward(int width) {
    proj = child("net.0.proj", new Linear(width, width * 4));
    out = child("net.2", new Linear(width * 4, width));
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(out.applyAndClose(Kernels.GELU_TANH.applyAndClose(proj.apply(in.get(0)))));
  }
}
