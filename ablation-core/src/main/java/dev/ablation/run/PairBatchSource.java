package dev.ablation.run;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.train.BatchSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/**
 * Takes rows from n pairs in turn, so that every n rows contain one of each pair. The rows of one
 * pair are adjacent in a batch.
 */
final class PairBatchSource implements BatchSource {
  private final List<PairBatches> pairs;

  PairBatchSource(List<PairBatches> pairs) {
    this.pairs = List.copyOf(pairs);
  }

  /** With a single pair its streams are the run's own. */
  static PairBatchSource of(
      BatchChoices choices,
      List<ResolvedPair> pairs,
      Function<ResolvedPair, AnchorSet> anchors,
      long seed) {
    return new PairBatchSource(
        pairs.stream()
            .map(pair ->
                new PairBatches(
                    choices, anchors.apply(pair), pair, pairs.size() == 1 ? seed : pair.seed(seed)))
            .toList());
  }

  @Override
  public TrainingBatch batch(int step, int size, NDManager scope) {
    return draw("", step, size, scope);
  }

  @Override
  public Optional<TrainingBatch> priorBatch(int step, int size, NDManager scope) {
    return Optional.of(draw("prior-", step, size, scope));
  }

  private TrainingBatch draw(String purpose, int step, int size, NDManager scope) {
    long first = (step - 1L) * size;
    List<TrainingBatch> parts = new ArrayList<>();
    for (int i = 0; i < pairs.size(); i++) {
      long from = rowsOf(i, first);
      int count = Math.toIntExact(rowsOf(i, first + size) - from);
      if (count > 0) {
        parts.add(pairs.get(i).draw(purpose, step, from, count, scope));
      }
    }
    return parts.size() == 1 ? parts.get(0) : joined(parts, scope);
  }

  /** How many of the run's first rows belong to a pair. */
  private long rowsOf(int pair, long rows) {
    return Math.floorDiv(rows - pair + pairs.size() - 1, pairs.size());
  }

  private static TrainingBatch joined(List<TrainingBatch> parts, NDManager scope) {
    Shape shape = parts.get(0).latents().getShape().slice(1);
    for (TrainingBatch part : parts) {
      if (!part.latents().getShape().slice(1).equals(shape)) {
        throw new IllegalArgumentException(
            "anchors of all targets must have latents of one shape, but some have %s and some %s"
                .formatted(shape, part.latents().getShape().slice(1)));
      }
    }
    boolean masked = parts.stream().anyMatch(part -> part.mask() != null);
    return new TrainingBatch(
            concat(parts, TrainingBatch::latents, scope),
            concat(parts, TrainingBatch::noise, scope),
            concat(parts, TrainingBatch::timesteps, scope),
            prompts(parts, TrainingBatch::anchorPrompts),
            prompts(parts, TrainingBatch::targetPrompts))
        .mask(masked ? concat(parts, part -> maskOf(part, scope), scope) : null)
        .conditions(conditions(parts, scope))
        .preservedPrompts(prompts(parts, TrainingBatch::preservedPrompts));
  }

  private static NDArray maskOf(TrainingBatch part, NDManager scope) {
    if (part.mask() != null) {
      return part.mask();
    }
    Shape latents = part.latents().getShape();
    return scope.ones(
        new Shape(latents.get(0), 1, latents.get(2), latents.get(3)), DataType.FLOAT32);
  }

  /** All pairs have the same model, and so the same names. */
  private static Map<String, NDArray> conditions(List<TrainingBatch> parts, NDManager scope) {
    Map<String, NDArray> joined = new LinkedHashMap<>();
    for (String name : parts.get(0).conditions().keySet()) {
      joined.put(
          name,
          concat(parts, part -> Objects.requireNonNull(part.conditions().get(name), name), scope));
    }
    return joined;
  }

  private static NDArray concat(
      List<TrainingBatch> parts, Function<TrainingBatch, NDArray> array, NDManager scope) {
    NDList arrays = new NDList(parts.stream().map(array).toList());
    NDArray joined = NDArrays.concat(arrays, 0);
    joined.attach(scope);
    arrays.close();
    return joined;
  }

  private static List<String> prompts(
      List<TrainingBatch> parts, Function<TrainingBatch, List<String>> prompts) {
    return parts.stream().flatMap(part -> prompts.apply(part).stream()).toList();
  }
}
