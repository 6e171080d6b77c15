package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The images of one source, followed by those of another.
 *
 * @param first source of the first {@code size} images
 * @param size number of images in {@code first}
 * @param second source of the remaining images
 */
record JoinedSource(AnchorSource first, int size, AnchorSource second) implements AnchorSource {

  private interface Drawing {
    AnchorBatch draw(AnchorSource source, int[] rows);
  }

  @Override
  public AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope) {
    return each(rows, scope, (source, some) -> source.draw(some, random, scope));
  }

  @Override
  public AnchorBatch drawPrior(int[] rows, RandomGenerator random, NDManager scope) {
    return each(rows, scope, (source, some) -> source.drawPrior(some, random, scope));
  }

  private AnchorBatch each(int[] rows, NDManager scope, Drawing drawing) {
    List<AnchorBatch> parts = new ArrayList<>();
    for (int row : rows) {
      AnchorSource source = row < size ? first : second;
      parts.add(drawing.draw(source, new int[] {row < size ? row : row - size}));
    }
    return parts.size() == 1 ? parts.get(0) : joined(parts, scope);
  }

  private static AnchorBatch joined(List<AnchorBatch> parts, NDManager scope) {
    NDList latents = new NDList();
    NDList masks = new NDList();
    List<String> prefixes = new ArrayList<>();
    boolean masked = parts.stream().anyMatch(part -> part.mask() != null);
    for (AnchorBatch part : parts) {
      latents.add(part.latents());
      prefixes.addAll(part.prefixes());
      if (masked) {
        Shape shape = part.latents().getShape();
        NDArray mask = part.mask();
        masks.add(
            mask == null
                ? scope.ones(
                    new Shape(shape.get(0), 1, shape.get(2), shape.get(3)), DataType.FLOAT32)
                : mask);
      }
    }
    NDArray all = NDArrays.concat(latents, 0);
    all.attach(scope);
    latents.close();
    NDArray mask = null;
    if (masked) {
      mask = NDArrays.concat(masks, 0);
      mask.attach(scope);
      masks.close();
    }
    return new AnchorBatch(all, mask, prefixes);
  }

  @Override
  public BufferedImage image(int row, LatentCodec codec) {
    return row < size ? first.image(row, codec) : second.image(row - size, codec);
  }

  @Override
  public void close() {
    try (first) {
      second.close();
    }
  }
}
