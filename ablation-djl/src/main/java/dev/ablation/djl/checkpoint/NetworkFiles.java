package dev.ablation.djl.checkpoint;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.kernel.GradMode;
import dev.ablation.djl.kernel.Kernel;
import dev.ablation.djl.nn.Weight;
import dev.ablation.safetensors.TensorEntry;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/** The weights of one network and the files that they come from. */
public final class NetworkFiles implements AutoCloseable {
  private static final Kernel FINITE =
      Kernel.of(
          "(x): return torch.logical_and(torch.isfinite(torch.min(x)), torch.isfinite(torch.max(x)))");

  private final String name;
  private final Checkpoint checkpoint;
  private final Map<String, Weight> weights;
  private final List<String> problems;

  /** Name of a weight in the network to its name in the files. */
  private final Map<String, String> nameInFiles = new LinkedHashMap<>();

  private NetworkFiles(
      String name, Checkpoint checkpoint, Map<String, Weight> weights, List<String> problems) {
    this.name = name;
    this.checkpoint = checkpoint;
    this.weights = new LinkedHashMap<>(weights);
    this.problems = problems;
  }

  /**
   * Compares a network with its files and notes every missing and unexpected tensor and every wrong
   * shape or format.
   *
   * @param name of the network in the notes
   * @param checkpoint the files; closed with the result
   * @param weights of the network, by their names
   * @param naming from a tensor's name in the files to the weight's; empty for a tensor that is
   *     ignored
   * @param problems where the notes go, also those of {@link #fill}
   * @return the network and its files; to be filled only if there was no problem
   */
  public static NetworkFiles of(
      String name,
      Checkpoint checkpoint,
      Map<String, Weight> weights,
      Function<String, Optional<String>> naming,
      List<String> problems) {
    NetworkFiles files = new NetworkFiles(name, checkpoint, weights, problems);
    for (String tensor : checkpoint.tensors().keySet()) {
      naming.apply(tensor).ifPresent(own -> files.match(own, tensor));
    }
    files.compare();
    return files;
  }

  private void match(String own, String tensor) {
    String other = nameInFiles.putIfAbsent(own, tensor);
    if (other != null) {
      problems.add(name + ": tensors " + other + " and " + tensor + " are one weight");
    }
  }

  private void compare() {
    weights.forEach((own, weight) -> {
      String tensor = nameInFiles.get(own);
      if (tensor == null) {
        problems.add(name + ": missing tensor " + own + " of shape " + weight.shape());
        return;
      }
      TensorEntry entry = Objects.requireNonNull(checkpoint.tensors().get(tensor), tensor);
      if (!entry.dtype().isReadableAsFloat32()) {
        problems.add(
            "%s: tensor %s must be of a format that widens to float32, is %s"
                .formatted(name, tensor, entry.dtype()));
      }
      Shape actual = entry.shape();
      if (!actual.equals(weight.shape()) && !isPixelwise(actual, weight.shape())) {
        problems.add(
            "%s: tensor %s must have shape %s, has %s"
                .formatted(name, tensor, weight.shape(), actual));
      }
    });
    nameInFiles.forEach((own, tensor) -> {
      if (!weights.containsKey(own)) {
        problems.add(name + ": unexpected tensor " + tensor);
      }
    });
  }

  /** Linear maps of pixels that older files store as 1x1 convolutions. */
  private static boolean isPixelwise(Shape actual, Shape expected) {
    return expected.dimension() == 2
        && actual.dimension() == 4
        && actual.equals(new Shape(expected.get(0), expected.get(1), 1, 1));
  }

  /**
   * Loads every weight, as float32, and notes those that are not finite.
   *
   * @param manager owner of the arrays; its device is where they lie
   * @throws IOException if reading fails
   */
  public void fill(NDManager manager) throws IOException {
    for (Map.Entry<String, Weight> entry : weights.entrySet()) {
      Weight weight = entry.getValue();
      NDArray array =
          checkpoint.readFloat32(
              Objects.requireNonNull(nameInFiles.get(entry.getKey()), entry.getKey()), manager);
      if (!array.getShape().equals(weight.shape())) {
        array = array.reshape(weight.shape());
      }
      weight.load(array);
      try (NDArray finite = GradMode.with(false, () -> FINITE.call(weight.own()))) {
        if (!finite.getBoolean()) {
          problems.add(
              name + ": tensor " + entry.getKey() + " must be finite, holds NaN or infinity");
        }
      }
    }
  }

  /** Closes the files. Loaded weights stay valid. */
  @Override
  public void close() throws IOException {
    checkpoint.close();
  }
}
