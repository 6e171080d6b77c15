package dev.ablation.djl.flux;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.Kernel;

/**
 * Latents as FLUX.1 reads them: squares of 2 by 2 become tokens, which know their row and column by
 * position ids.
 */
public final class FluxLatents {
  private static final int PATCH = 2;
  private static final int ID_WIDTH = 3;

  private static final Kernel PACK =
      Kernel.of(
          """
          (x):
              b = x.size(0)
              c = x.size(1)
              h = x.size(2) // 2
              w = x.size(3) // 2
              y = torch.permute(torch.reshape(x, [b, c, h, 2, w, 2]), [0, 2, 4, 1, 3, 5])
              return torch.reshape(y, [b, h * w, c * 4])\
          """);

  private FluxLatents() {}

  /**
   * Packs latents; gradients flow through it.
   *
   * @param latents (B, c, H, W), H and W even
   * @return (B, H/2 W/2, 4 c), row by row, in the order channel, row, column inside of a square
   * @throws IllegalArgumentException if the latents do not divide into squares
   */
  public static NDArray pack(NDArray latents) {
    Shape shape = latents.getShape();
    if (shape.dimension() != 4) {
      throw new IllegalArgumentException("latents must be (B, c, H, W), were " + shape);
    }
    checkSize(shape.get(2), shape.get(3));
    return PACK.call(latents);
  }

  /**
   * Undoes {@link #pack}; gradients flow through it.
   *
   * @param packed (B, H/2 W/2, 4 c)
   * @param height H, even
   * @param width W, even
   * @return (B, c, H, W)
   * @throws IllegalArgumentException if the shapes do not fit
   */
  public static NDArray unpack(NDArray packed, long height, long width) {
    checkSize(height, width);
    Shape shape = packed.getShape();
    long rows = height / PATCH;
    long columns = width / PATCH;
    if (shape.dimension() != 3 || shape.get(1) != rows * columns || shape.get(2) % 4 != 0) {
      throw new IllegalArgumentException(
          "packed latents of %d x %d must be (B, %d, 4 c), were %s"
              .formatted(height, width, rows * columns, shape));
    }
    return Kernel.of(
            """
            (x):
                b = x.size(0)
                c = x.size(2) // 4
                y = torch.permute(torch.reshape(x, [b, %1$d, %2$d, c, 2, 2]), [0, 3, 1, 4, 2, 5])
                return torch.reshape(y, [b, c, %1$d * 2, %2$d * 2])\
            """
                .formatted(rows, columns))
        .call(packed);
  }

  /**
   * Makes the position ids of an image.
   *
   * @param height of the latents, even
   * @param width of the latents, even
   * @param owner of the result, on its device
   * @return (height/2 width/2, 3), float32: 0, row, column
   */
  public static NDArray imageIds(long height, long width, NDManager owner) {
    checkSize(height, width);
    int rows = Math.toIntExact(height / PATCH);
    int columns = Math.toIntExact(width / PATCH);
    float[] ids = new float[rows * columns * ID_WIDTH];
    int at = 0;
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        ids[at + 1] = row;
        ids[at + 2] = column;
        at += ID_WIDTH;
      }
    }
    return owner.create(ids, new Shape((long) rows * columns, ID_WIDTH));
  }

  /**
   * Makes the position ids of a text, which has no positions.
   *
   * @param tokens T
   * @param owner of the result, on its device
   * @return (T, 3), float32, zeros
   */
  public static NDArray textIds(long tokens, NDManager owner) {
    return owner.zeros(new Shape(tokens, ID_WIDTH));
  }

  private static void checkSize(long height, long width) {
    if (height < PATCH || width < PATCH || height % PATCH != 0 || width % PATCH != 0) {
      throw new IllegalArgumentException(
          "height and width of the latents must be even, were %d x %d".formatted(height, width));
    }
  }
}
