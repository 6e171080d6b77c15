package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import dev.ablation.objective.TrainingBatch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Cuts a batch into parts of equal size. */
final class MicroBatch {
  private MicroBatch() {}

  /** Part {@code index} of {@code count}; its arrays are views, owned by {@code scope}. */
  static TrainingBatch of(TrainingBatch whole, int index, int count, NDManager scope) {
    int size = whole.size() / count;
    int from = index * size;
    int to = from + size;
    NDArray mask = whole.mask();
    Map<String, NDArray> conditions = new LinkedHashMap<>();
    whole.conditions().forEach((name, array) -> conditions.put(name, rows(array, from, to, scope)));
    return new TrainingBatch(
            rows(whole.latents(), from, to, scope),
            rows(whole.noise(), from, to, scope),
            rows(whole.timesteps(), from, to, scope),
            whole.anchorPrompts().subList(from, to),
            whole.targetPrompts().subList(from, to))
        .mask(mask == null ? null : rows(mask, from, to, scope))
        .conditions(conditions)
        .preservedPrompts(
            whole.preservedPrompts().isEmpty()
                ? List.of()
                : whole.preservedPrompts().subList(from, to));
  }

  private static NDArray rows(NDArray array, int from, int to, NDManager scope) {
    NDArray rows = array.get(new NDIndex().addSliceDim(from, to));
    rows.attach(scope);
    return rows;
  }
}
