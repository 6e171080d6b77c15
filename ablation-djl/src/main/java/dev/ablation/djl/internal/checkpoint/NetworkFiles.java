package dev.ablation.djl.internal.checkpoint;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.djl.nn.Weight;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.TensorEntry;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;

/** The weights of one network and the tensors of files that they are made of. */
public final class NetworkFiles {
  /** A tensor and the part of it that is taken. */
  private record Source(TensorEntry tensor, TensorPiece piece) {

    /** The shape of the part; that of the whole tensor if it cannot be split so. */
    Shape shape() {
      long[] shape = tensor.shape().getShape().clone();
      if (piece.transposed() && shape.length == 2) {
        shape = new long[] {shape[1], shape[0]};
      }
      if (piece.blocks() > 1 && shape.length > 0) {
        shape[0] = shape[0] % piece.blocks() == 0 ? shape[0] / piece.blocks() : shape[0];
      }
      return new Shape(shape);
    }

    /** Whether the part is rows of the tensor as it lies in the file, in a narrow format. */
    boolean hasRowsOf(DataType kept) {
      return !piece.transposed() && isNarrow(tensor.dtype(), kept);
    }
  }

  private final String name;
  private final Checkpoint checkpoint;
  private final Map<String, Weight> weights;
  private final List<String> problems;

  /** Name of a weight to its parts, by their place in it. */
  private final Map<String, SortedMap<Integer, Source>> sources = new LinkedHashMap<>();

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
   * @param checkpoint the files; must stay open until the network is filled
   * @param weights of the network, by their names
   * @param mapping from the tensors of the files to the weights
   * @param problems where the notes go, also those of {@link #fill}
   * @return the network and its files; to be filled only if there was no problem
   */
  public static NetworkFiles of(
      String name,
      Checkpoint checkpoint,
      Map<String, Weight> weights,
      TensorMapping mapping,
      List<String> problems) {
    NetworkFiles files = new NetworkFiles(name, checkpoint, weights, problems);
    for (TensorEntry tensor : checkpoint.tensors().values()) {
      mapping.pieces(tensor.name()).forEach(piece -> files.match(tensor, piece));
    }
    files.compare();
    return files;
  }

  private void match(TensorEntry tensor, TensorPiece piece) {
    Source other =
        sources
            .computeIfAbsent(piece.weight(), weight -> new TreeMap<>())
            .putIfAbsent(piece.place(), new Source(tensor, piece));
    if (other != null) {
      problems.add(
          name
              + ": tensors "
              + other.tensor().name()
              + " and "
              + tensor.name()
              + " are one weight");
    }
  }

  private void compare() {
    weights.forEach((own, weight) -> {
      SortedMap<Integer, Source> parts = sources.get(own);
      if (parts == null) {
        problems.add(name + ": missing tensor " + own + " of shape " + weight.shape());
        return;
      }
      int places = parts.values().iterator().next().piece().places();
      if (parts.size() != places) {
        problems.add(
            "%s: missing tensor: %s is joined of %d, only %s are there"
                .formatted(name, own, places, names(parts)));
        return;
      }
      parts.values().forEach(part -> compare(part, part(weight.shape(), places)));
    });
    sources.forEach((own, parts) -> {
      if (!weights.containsKey(own)) {
        problems.add(
            name + ": unexpected tensor " + parts.values().iterator().next().tensor().name());
      }
    });
  }

  private static List<String> names(SortedMap<Integer, Source> parts) {
    return parts.values().stream().map(part -> part.tensor().name()).toList();
  }

  /** The shape of each of several equal parts of a weight. */
  private static Shape part(Shape weight, int places) {
    if (places == 1) {
      return weight;
    }
    long[] shape = weight.getShape().clone();
    shape[0] /= places;
    return new Shape(shape);
  }

  private void compare(Source source, Shape expected) {
    TensorEntry tensor = source.tensor();
    if (!tensor.dtype().isReadableAsFloat32()) {
      problems.add(
          "%s: tensor %s must be of a format that widens to float32, is %s"
              .formatted(name, tensor.name(), tensor.dtype()));
    }
    Shape actual = source.shape();
    if (!actual.equals(expected) && !isPixelwise(actual, expected)) {
      problems.add(
          "%s: tensor %s must have shape %s, has %s"
              .formatted(name, tensor.name(), expected, tensor.shape()));
    }
  }

  /** Linear maps of pixels that older files store as convolutions of size 1. */
  private static boolean isPixelwise(Shape actual, Shape expected) {
    long[] shape = actual.getShape();
    return expected.dimension() == 2
        && (shape.length == 3 || shape.length == 4)
        && Arrays.stream(shape, 2, shape.length).allMatch(axis -> axis == 1)
        && actual.get(0) == expected.get(0)
        && actual.get(1) == expected.get(1);
  }

  /**
   * Loads every weight and notes those that are not finite.
   *
   * @param manager owner of the arrays; they are on its device
   * @param dtype dtype in which the weights are stored
   * @throws IOException if reading fails
   */
  public void fill(NDManager manager, WeightDtype dtype) throws IOException {
    for (Map.Entry<String, Weight> entry : weights.entrySet()) {
      String own = entry.getKey();
      Weight weight = entry.getValue();
      List<Source> parts = List.copyOf(Objects.requireNonNull(sources.get(own), own).values());
      load(weight, parts, dtype, manager);
      if (!weight.isFinite()) {
        problems.add(name + ": tensor " + own + " must be finite, holds NaN or infinity");
      }
    }
  }

  private void load(Weight weight, List<Source> parts, WeightDtype policy, NDManager manager)
      throws IOException {
    TensorEntry first = parts.get(0).tensor();
    DataType kept = policy.of(first.dtype());
    if (kept == DataType.BFLOAT16
        && parts.get(0).piece().isWhole()
        && first.dtype() == Dtype.BF16) {
      weight.load(checkpoint.readBytes(first.name(), manager), kept);
    } else if (kept == DataType.FLOAT16
        && parts.get(0).piece().isWhole()
        && first.dtype() == Dtype.F16) {
      weight.load(shaped(checkpoint.read(first.name(), manager), weight), kept);
    } else if (kept == DataType.FLOAT32) {
      weight.load(wide(weight, parts, manager));
    } else if (parts.stream().allMatch(part -> part.hasRowsOf(kept))) {
      weight.load(narrow(weight, parts, manager), kept);
    } else {
      try (NDManager scratch = manager.newSubManager()) {
        NDArray wide = wide(weight, parts, scratch);
        Kernel round = kept == DataType.FLOAT16 ? Kernels.TO_FLOAT16 : Kernels.TO_BFLOAT16;
        NDArray narrow = GradMode.with(false, () -> round.call(wide));
        narrow.attach(manager);
        weight.load(narrow, kept);
      }
    }
  }

  private NDArray wide(Weight weight, List<Source> parts, NDManager manager) throws IOException {
    if (parts.get(0).piece().isWhole()) {
      return shaped(checkpoint.readFloat32(parts.get(0).tensor().name(), manager), weight);
    }
    try (NDManager scratch = manager.newSubManager()) {
      NDList pieces = new NDList();
      for (Run run : Run.of(parts)) {
        pieces.add(cut(run, scratch));
      }
      NDArray joined =
          GradMode.with(
              false,
              () ->
                  NDArrays.concat(pieces, 0)
                      .reshape(weight.shape())
                      .duplicate()); // of its own memory, not of the file's
      joined.attach(manager);
      return joined;
    }
  }

  /** Parts that follow each other in one tensor. */
  private record Run(Source first, int blocks) {
    static List<Run> of(List<Source> parts) {
      List<Run> runs = new ArrayList<>();
      for (int i = 0; i < parts.size(); ) {
        int end = i + 1;
        while (end < parts.size() && follows(parts.get(end - 1), parts.get(end))) {
          end++;
        }
        runs.add(new Run(parts.get(i), end - i));
        i = end;
      }
      return runs;
    }

    private static boolean follows(Source one, Source next) {
      return one.tensor().equals(next.tensor())
          && one.piece().blocks() == next.piece().blocks()
          && one.piece().block() + 1 == next.piece().block()
          && !one.piece().transposed()
          && !next.piece().transposed();
    }

    /** The run as a range of something that has so many equal shares. */
    NDIndex range(long size) {
      long share = size / first.piece().blocks();
      long from = first.piece().block() * share;
      return new NDIndex().addSliceDim(from, from + blocks * share);
    }
  }

  private NDArray cut(Run run, NDManager scratch) throws IOException {
    TensorEntry tensor = run.first().tensor();
    if (run.first().piece().transposed()) {
      NDArray turned = checkpoint.readFloat32(tensor.name(), scratch).transpose();
      return turned.get(run.range(turned.getShape().get(0)));
    }
    if (isNarrow(tensor.dtype(), DataType.FLOAT16) || isNarrow(tensor.dtype(), DataType.BFLOAT16)) {
      // Only the rows that are needed are widened.
      NDArray rows = narrowRows(run, scratch);
      boolean half = tensor.dtype() == Dtype.F16;
      NDArray narrow = half ? rows : GradMode.with(false, () -> Kernels.AS_BFLOAT16.call(rows));
      narrow.attach(scratch);
      NDArray wide = GradMode.with(false, () -> Kernels.TO_FLOAT32.call(narrow));
      wide.attach(scratch);
      return half ? wide : wide.reshape(rowsShape(run));
    }
    NDArray whole = checkpoint.readFloat32(tensor.name(), scratch);
    return whole.get(run.range(tensor.shape().get(0)));
  }

  private static Shape rowsShape(Run run) {
    long[] shape = run.first().tensor().shape().getShape().clone();
    shape[0] = shape[0] / run.first().piece().blocks() * run.blocks();
    return new Shape(shape);
  }

  private static boolean isNarrow(Dtype stored, DataType kept) {
    return (stored == Dtype.F16 && kept == DataType.FLOAT16)
        || (stored == Dtype.BF16 && kept == DataType.BFLOAT16);
  }

  /** The rows of a run as the file has them; of bfloat16 the bytes. */
  private NDArray narrowRows(Run run, NDManager scratch) throws IOException {
    TensorEntry tensor = run.first().tensor();
    // The kernel that widens bytes takes an array from its memory's beginning, hence the copy.
    return tensor.dtype() == Dtype.F16
        ? checkpoint.read(tensor.name(), scratch).get(run.range(tensor.shape().get(0)))
        : checkpoint
            .readBytes(tensor.name(), scratch)
            .get(run.range(tensor.byteSize()))
            .duplicate();
  }

  /** Joins parts without widening them. */
  private NDArray narrow(Weight weight, List<Source> parts, NDManager manager) throws IOException {
    try (NDManager scratch = manager.newSubManager()) {
      NDList pieces = new NDList();
      for (Run run : Run.of(parts)) {
        pieces.add(narrowRows(run, scratch));
      }
      NDArray joined =
          GradMode.with(
              false,
              () -> {
                NDArray one = NDArrays.concat(pieces, 0);
                return one.getDataType() == DataType.INT8
                    ? one.duplicate()
                    : one.reshape(weight.shape()).duplicate();
              });
      joined.attach(manager);
      return joined;
    }
  }

  private static NDArray shaped(NDArray array, Weight weight) {
    return array.getShape().equals(weight.shape()) ? array : array.reshape(weight.shape());
  }
}
