package dev.ablation.djl.internal.singlefile;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.checkpoint.TensorPiece;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.nn.Weight;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.TensorSource;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A tensor of a single file, put together of weights: the inverse of reading it. Float32; one piece
 * is in memory at a time.
 */
final class PiecedSource implements TensorSource {

  /** Rows of a weight that follow each other in the tensor as well. */
  private record Run(Weight weight, int place, int places, int length) {}

  private final List<Run> runs = new ArrayList<>();
  private final boolean transposed;
  private final Shape shape;

  /**
   * Puts a tensor together.
   *
   * @param pieces that fill it
   * @param weights by name
   * @param pixelwise whether two axes of size 1 follow
   */
  PiecedSource(List<TensorPiece> pieces, Map<String, Weight> weights, boolean pixelwise) {
    transposed = pieces.get(0).transposed();
    String last = "";
    for (TensorPiece piece :
        pieces.stream().sorted(Comparator.comparingInt(TensorPiece::block)).toList()) {
      Run run = runs.isEmpty() ? null : runs.get(runs.size() - 1);
      if (run != null && last.equals(piece.weight()) && run.place + run.length == piece.place()) {
        runs.set(runs.size() - 1, new Run(run.weight, run.place, run.places, run.length + 1));
      } else {
        Weight weight = Objects.requireNonNull(weights.get(piece.weight()), piece.weight());
        runs.add(new Run(weight, piece.place(), piece.places(), 1));
      }
      last = piece.weight();
    }
    shape = shape(pixelwise);
  }

  private Shape shape(boolean pixelwise) {
    long[] first = runs.get(0).weight.shape().getShape().clone();
    if (transposed) {
      return new Shape(first[1], first[0]);
    }
    if (first.length > 0) {
      first[0] = 0;
      for (Run run : runs) {
        first[0] += run.weight.shape().get(0) / run.places * run.length;
      }
    }
    Shape joined = new Shape(first);
    return pixelwise && first.length == 2 ? joined.addAll(new Shape(1, 1)) : joined;
  }

  @Override
  public Dtype dtype() {
    return Dtype.F32;
  }

  @Override
  public Shape shape() {
    return shape;
  }

  @Override
  public void writeTo(WritableByteChannel out) throws IOException {
    for (Run run : runs) {
      try (NDScope scope = new NDScope()) {
        scope.suppressNotUsedWarning();
        TensorSource.of(GradMode.with(false, () -> rows(run))).writeTo(out);
      }
    }
  }

  private NDArray rows(Run run) {
    NDArray whole = run.weight.get();
    if (transposed) {
      return whole.transpose().duplicate();
    }
    if (run.length == run.places) {
      return whole;
    }
    long share = whole.getShape().get(0) / run.places;
    NDIndex range = new NDIndex().addSliceDim(run.place * share, (run.place + run.length) * share);
    return whole.get(range).duplicate();
  }
}
