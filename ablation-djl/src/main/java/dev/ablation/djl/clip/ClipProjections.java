package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.Weight;

/** What joins the two towers: maps to a common space, and the scale of their cosines. */
final class ClipProjections extends Layer {
  private static final Kernel LOGITS =
      Kernel.of(
          """
          (x, t, s):
              a = torch.div(x, torch.norm(x, 2, [-1], True))
              b = torch.div(t, torch.norm(t, 2, [-1], True))
              return torch.mul(torch.exp(s), torch.matmul(a, torch.transpose(b, 0, 1)))\
          """);

  private final Linear visualProjection;
  private final Linear textProjection;
  private final Weight logitScale;

  ClipProjections(ClipConfig config) {
    visualProjection =
        child(
            "visual_projection",
            new Linear(config.vision().hiddenSize(), config.projectionSize(), false));
    textProjection =
        child(
            "text_projection",
            new Linear(config.text().hiddenSize(), config.projectionSize(), false));
    logitScale = weight("logit_scale");
  }

  /** (B, D) of images to (B, P). */
  NDArray ofImages(NDArray pooled) {
    return visualProjection.apply(pooled);
  }

  /** (B, D) of texts to (B, P). */
  NDArray ofTexts(NDArray pooled) {
    return textProjection.apply(pooled);
  }

  /** Scaled cosines (n, m) of n images and m texts. */
  NDArray logits(NDArray images, NDArray texts) {
    return LOGITS.call(images, texts, logitScale.get());
  }

  double scale() {
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      return Math.exp(logitScale.get().getFloat());
    }
  }

  /** Not a chain of layers: the parts are called one by one. */
  @Override
  protected NDList call(NDList in) {
    throw new UnsupportedOperationException("call one of the projections");
  }
}
