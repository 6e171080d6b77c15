package dev.ablation.djl.vae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import dev.ablation.djl.internal.kernel.Kernel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Computes on overlapping tiles of (B, C, H, W) and blends the results linearly where they overlap,
 * by a quarter of a tile, as diffusers does.
 *
 * @param tile side of a tile of the input, a multiple of 4
 * @param outputTile side of what a tile becomes, a multiple of 4
 */
record Tiling(int tile, int outputTile) {
  /** {@code (b, a, e)}: b, of which the first e rows fade from the last ones of a. */
  private static final Kernel FADE_ROWS = fade(2, "torch.unsqueeze(w, 1)");

  private static final Kernel FADE_COLUMNS = fade(3, "w");

  private static Kernel fade(int axis, String weights) {
    return Kernel.of(
        """
        (b, a, extent):
            e = min(min(int(extent), a.size(%1$d)), b.size(%1$d))
            w = torch.div(torch.arange(e, dtype=6, layout=None, device=b.device, pin_memory=False), e)
            v = %2$s
            last = torch.slice(a, %1$d, a.size(%1$d) - e)
            first = torch.slice(b, %1$d, 0, e)
            mixed = torch.add(torch.mul(last, torch.rsub(v, 1)), torch.mul(first, v))
            return torch.cat([mixed, torch.slice(b, %1$d, e)], %1$d)\
        """
            .formatted(axis, weights));
  }

  /** Whether an input consists of several tiles. */
  boolean splits(NDArray input) {
    return input.getShape().get(2) > tile || input.getShape().get(3) > tile;
  }

  NDArray apply(NDArray input, UnaryOperator<NDArray> network) {
    long height = input.getShape().get(2);
    long width = input.getShape().get(3);
    int stride = tile / 4 * 3;
    int overlap = outputTile / 4;
    NDArray extent = input.getManager().create(overlap);
    NDList rows = new NDList();
    List<NDArray> above = List.of();
    for (long y = 0; y < height; y += stride) {
      List<NDArray> row = new ArrayList<>();
      NDList cropped = new NDList();
      for (long x = 0; x < width; x += stride) {
        NDArray made = network.apply(part(input, y, x, tile));
        if (!above.isEmpty()) {
          made = FADE_ROWS.call(made, above.get(row.size()), extent);
        }
        if (!row.isEmpty()) {
          made = FADE_COLUMNS.call(made, row.get(row.size() - 1), extent);
        }
        row.add(made);
        cropped.add(part(made, 0, 0, outputTile - overlap));
      }
      rows.add(NDArrays.concat(cropped, 3));
      above.forEach(NDArray::close);
      above = row;
    }
    return NDArrays.concat(rows, 2);
  }

  private static NDArray part(NDArray array, long y, long x, int side) {
    long bottom = Math.min(array.getShape().get(2), y + side);
    long right = Math.min(array.getShape().get(3), x + side);
    return array.get(new NDIndex(":, :, %d:%d, %d:%d".formatted(y, bottom, x, right)));
  }
}
