package dev.ablation.djl.unet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.BlockKernels;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Conv2d;
import dev.ablation.djl.nn.GroupNorm;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import java.util.ArrayList;
import java.util.List;

/**
 * Transformer over the pixels of an image: normalise, project, blocks, project back, add the input.
 * SD 1.x projects by 1x1 convolutions, SD 2.x by linear maps of the tokens.
 *
 * <ul>
 *   <li>input x: (B, C, H, W); text embeddings: (B, T, D)
 *   <li>output: (B, C, H, W)
 * </ul>
 */
final class Transformer2DModel extends Layer {
  private static final double EPSILON = 1e-6;

  private final GroupNorm norm;
  private final Layer projIn;
  private final List<BasicTransformerBlock> blocks = new ArrayList<>();
  private final Layer projOut;
  private final boolean linearProjection;
  private final Kernel toTokens;
  private final Kernel toImage;

  Transformer2DModel(int channels, int heads, int layers, UNetConfig config) {
    int headWidth = channels / heads;
    int inner = heads * headWidth;
    linearProjection = config.useLinearProjection();
    norm = child("norm", new GroupNorm(config.normNumGroups(), channels, EPSILON));
    projIn = child("proj_in", projection(channels, inner));
    for (int i = 0; i < layers; i++) {
      blocks.add(
          child(
              "transformer_blocks." + i,
              new BasicTransformerBlock(inner, config.crossAttentionDim(), heads, headWidth)));
    }
    projOut = child("proj_out", projection(inner, channels));
    toTokens = BlockKernels.imageToTokens(config.normNumGroups(), EPSILON, linearProjection);
    toImage = BlockKernels.tokensToImage(linearProjection);
  }

  private Layer projection(int in, int out) {
    return linearProjection ? new Linear(in, out) : new Conv2d(in, out, 1);
  }

  List<BasicTransformerBlock> blocks() {
    return blocks;
  }

  @Override
  protected NDList call(NDList in) {
    NDArray image = in.get(0);
    NDArray text = in.get(1);
    NDArray x =
        arePlain(norm, projIn)
            ? toTokens.call(operands(List.of(image), norm, projIn))
            : tokens(norm.apply(image));
    for (BasicTransformerBlock block : blocks) {
      x = block.applyAndClose(x, text);
    }
    if (arePlain(projOut)) {
      return new NDList(toImage.applyAndClose(x, operands(List.of(image), projOut)));
    }
    x =
        linearProjection
            ? Kernels.TO_IMAGE.applyAndClose(projOut.applyAndClose(x), image)
            : projOut.applyAndClose(Kernels.TO_IMAGE.applyAndClose(x, image));
    // Tokens seen as an image have their channels last. The sum takes the layout of the image: the
    // convolutions that follow would bring a copy of their weights into another one in every call.
    try (NDArray change = x) {
      return new NDList(image.add(change));
    }
  }

  private NDArray tokens(NDArray normed) {
    return linearProjection
        ? projIn.applyAndClose(Kernels.TO_TOKENS.applyAndClose(normed))
        : Kernels.TO_TOKENS.applyAndClose(projIn.applyAndClose(normed));
  }
}
