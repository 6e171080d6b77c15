package dev.ablation.djl.sd3;

import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Conv2d;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Weight;

/**
 * Latents (B, c, H, W) to tokens (B, h w, C), row by row, each with the embedding of its position:
 * the middle h rows and w columns of a table, which the checkpoint stores.
 */
final class PatchEmbed extends Layer {
  private final Conv2d proj;
  private final Weight table;
  private final Kernel addPositions;

  PatchEmbed(SD3TransformerConfig config) {
    int max = config.posEmbedMaxSize();
    int patch = config.patchSize();
    proj = child("proj", new Conv2d(config.inChannels(), config.width(), patch, patch, 0));
    table = buffer("pos_embed", 1, (long) max * max, config.width());
    addPositions =
        Kernel.of(
            """
            (x, table):
                h = x.size(2)
                w = x.size(3)
                t = torch.reshape(table, [1, %1$d, %1$d, -1])
                top = (%1$d - h) // 2
                left = (%1$d - w) // 2
                p = torch.slice(torch.slice(t, 1, top, top + h), 2, left, left + w)
                y = torch.transpose(torch.flatten(x, 2), 1, 2)
                return torch.add(y, torch.reshape(p, [1, h * w, -1]))\
            """
                .formatted(max));
  }

  @Override
  protected NDList call(NDList in) {
    return new NDList(addPositions.applyAndClose(proj.apply(in.get(0)), table.get()));
  }
}
