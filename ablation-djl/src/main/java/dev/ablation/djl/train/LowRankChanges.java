package dev.ablation.djl.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.kernel.GradMode;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.model.Lora;
import dev.ablation.model.LowRank;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Low-rank changes of weights, which the layers compute beside the weights. */
final class LowRankChanges implements Trainable {
  private final NamedWeights weights;
  private final Map<String, LowRank> changes = new LinkedHashMap<>();
  private final List<String> names = new ArrayList<>();
  private final NDList arrays = new NDList();

  LowRankChanges(
      NDManager manager, NamedWeights weights, List<String> trained, Lora lora, long seed) {
    this.weights = weights;
    for (String name : trained) {
      LowRank change = GradMode.with(false, () -> lora.initial(weights.info(name), seed, manager));
      changes.put(name, change);
      add(name + LowRank.DOWN, change.down());
      add(name + LowRank.UP, change.up());
    }
  }

  private void add(String name, NDArray array) {
    array.setRequiresGradient(true);
    names.add(name);
    arrays.add(array);
  }

  @Override
  public List<String> names() {
    return List.copyOf(names);
  }

  @Override
  public NDList arrays() {
    return arrays;
  }

  @Override
  public void use(boolean trained) {
    changes.forEach((name, change) -> weights.weight(name).change(trained ? change : null));
  }
}
