package dev.ablation.djl.unet;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;

/** Linear - GEGLU - linear with four times the width inside (Shazeer 2020, arXiv 2002.05202). */
final class FeedForward extends Layer {
  private final Linear proj;
  private final Linear out;

  FeedForward(int width) {
    proj = child("net.0.proj", new Linear(width, width * 8));
    out = child("net.2", new Linear(width * 4, width));
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(out.applyAndClose(Kernels.GEGLU.applyAndClose(proj.apply(in.get(0)))));
  }
}
