package dev.ablation.djl.internal.checkpoint;

import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * From the tensors of files to the weights of a network: tensors may be renamed, split, joined,
 * transposed and passed over. Sizes need not be known; {@link NetworkFiles} compares shapes.
 */
@FunctionalInterface
public interface TensorMapping {

  /**
   * Returns the content of a tensor.
   *
   * @param tensor name in the files
   * @return pieces of weights; none for a tensor that is ignored. A weight that the network does
   *     not have is an error of the files.
   */
  List<TensorPiece> pieces(String tensor);

  /** {@return the mapping of files whose tensors have the names of the weights} */
  static TensorMapping identity() {
    return tensor -> List.of(TensorPiece.whole(tensor));
  }

  /**
   * Maps by a table. A tensor that is not in it keeps its name, so that it is reported.
   *
   * @param table name of a tensor to what it holds
   * @return the mapping
   */
  static TensorMapping of(Map<String, List<TensorPiece>> table) {
    Map<String, List<TensorPiece>> copy = Map.copyOf(table);
    return tensor -> copy.getOrDefault(tensor, List.of(TensorPiece.whole(tensor)));
  }

  /**
   * Renames tensors before this mapping sees them.
   *
   * @param naming from a name in the files to the one that this mapping knows
   * @return the mapping
   */
  default TensorMapping renaming(UnaryOperator<String> naming) {
    return tensor -> pieces(naming.apply(tensor));
  }

  /**
   * Passes over some tensors.
   *
   * @param ignored accepts their names, as this mapping sees them
   * @return the mapping
   */
  default TensorMapping ignoring(Predicate<String> ignored) {
    return tensor -> ignored.test(tensor) ? List.of() : pieces(tensor);
  }
}
