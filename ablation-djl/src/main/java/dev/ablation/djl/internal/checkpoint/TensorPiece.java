package dev.ablation.djl.internal.checkpoint;

import java.util.Objects;

/**
 * Which part of a weight a tensor of a file contains. Blocks are equal shares of the first axis.
 *
 * @param weight name in the network
 * @param block which block of the tensor it is, counted from 0
 * @param blocks how many blocks the tensor is split into; 1 for the whole tensor
 * @param place which block of the weight it becomes, counted from 0
 * @param places how many tensors are joined to the weight; 1 for the only one
 * @param transposed whether the tensor's two axes are swapped, before it is split
 */
public record TensorPiece(
    String weight, int block, int blocks, int place, int places, boolean transposed) {

  /** Checks the ranges. */
  public TensorPiece {
    Objects.requireNonNull(weight, "weight");
    if (block < 0 || block >= blocks || place < 0 || place >= places) {
      throw new IllegalArgumentException(
          "block and place must lie in 0..%d and 0..%d, were %d and %d"
              .formatted(blocks - 1, places - 1, block, place));
    }
  }

  /**
   * The tensor is the weight, perhaps under another name.
   *
   * @param weight name in the network
   * @return the piece
   */
  public static TensorPiece whole(String weight) {
    return new TensorPiece(weight, 0, 1, 0, 1, false);
  }

  /**
   * The tensor holds several weights, one below the other.
   *
   * @param weight name in the network
   * @param block which of them, counted from 0
   * @param blocks how many there are
   * @return the piece
   */
  public static TensorPiece split(String weight, int block, int blocks) {
    return new TensorPiece(weight, block, blocks, 0, 1, false);
  }

  /**
   * The weight is several tensors, one below the other.
   *
   * @param weight name in the network
   * @param place which of them, counted from 0
   * @param places how many there are
   * @return the piece
   */
  public static TensorPiece join(String weight, int place, int places) {
    return new TensorPiece(weight, 0, 1, place, places, false);
  }

  /** {@return the same piece of the transposed tensor} */
  public TensorPiece transpose() {
    return new TensorPiece(weight, block, blocks, place, places, !transposed);
  }

  /** Whether the tensor's bytes are the weight's. */
  boolean isWhole() {
    return blocks == 1 && places == 1 && !transposed;
  }
}
