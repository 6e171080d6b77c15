package dev.ablation.djl.internal.singlefile;

import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.safetensors.TensorEntry;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeSet;

/**
 * The shapes of the tensors of one network, by their names without its prefix.
 *
 * @param file that has them
 * @param prefix of their names
 * @param tensors all of the file, with their prefixes
 */
public record Shapes(Path file, String prefix, Map<String, TensorEntry> tensors) {

  boolean has(String name) {
    return tensors.containsKey(prefix + name);
  }

  Shape shape(String name) throws InvalidCheckpointException {
    TensorEntry tensor = tensors.get(prefix + name);
    if (tensor == null) {
      throw new InvalidCheckpointException(file, "missing tensor " + prefix + name);
    }
    return tensor.shape();
  }

  /** The size of an axis, which says something about the network. */
  int size(String name, int axis) throws InvalidCheckpointException {
    Shape shape = shape(name);
    if (shape.dimension() <= axis || shape.get(axis) < 1 || shape.get(axis) > Integer.MAX_VALUE) {
      throw new InvalidCheckpointException(
          file,
          "tensor %s must have at least %d axes, none of them empty, has shape %s"
              .formatted(prefix + name, axis + 1, shape));
    }
    return (int) shape.get(axis);
  }

  /** The different numbers that follow a beginning of names. */
  TreeSet<Integer> numbers(String beginning) {
    TreeSet<Integer> numbers = new TreeSet<>();
    String start = prefix + beginning;
    for (String name : tensors.keySet()) {
      if (name.startsWith(start)) {
        int end = start.length();
        while (end < name.length() && Character.isDigit(name.charAt(end))) {
          end++;
        }
        if (end > start.length() && end - start.length() < 6) {
          numbers.add(Integer.valueOf(name.substring(start.length(), end)));
        }
      }
    }
    return numbers;
  }
}
