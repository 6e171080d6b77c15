package dev.ablation.djl.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.model.Differentiable.GradientOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Float32 copies of weights, bound in their place. */
final class WeightCopies implements Trainable {
  private final NamedWeights weights;
  private final List<String> names;
  private final NDList copies = new NDList();
  private final List<@Nullable NDArray> before = new ArrayList<>();
  private final List<RowMask> masks = new ArrayList<>();
  private final boolean decayOtherRows;

  WeightCopies(
      NDManager manager, NamedWeights weights, List<String> names, GradientOptions options) {
    this.weights = weights;
    this.names = List.copyOf(names);
    decayOtherRows = options.decayOtherRows();
    for (String name : names) {
      NDArray copy = weights.copy(name, manager);
      copy.setRequiresGradient(true);
      copies.add(copy);
      before.add(weights.weight(name).bound());
      Set<Integer> rows = options.rows().get(name);
      if (rows != null) {
        boolean narrow = weights.weight(name).isNarrow();
        NDArray base = narrow ? weights.copy(name, manager) : weights.get(name);
        masks.add(new RowMask(copies.size() - 1, base, rows, manager));
      }
    }
  }

  @Override
  public List<String> names() {
    return names;
  }

  @Override
  public NDList arrays() {
    return copies;
  }

  @Override
  public void use(boolean trained) {
    for (int i = 0; i < names.size(); i++) {
      weights.bind(names.get(i), trained ? copies.get(i) : before.get(i));
    }
  }

  @Override
  public void mask(NDList gradients) {
    masks.forEach(mask -> mask.clear(gradients.get(mask.index())));
  }

  @Override
  public void afterStep() {
    if (!decayOtherRows) {
      masks.forEach(mask -> mask.keepOthers(copies.get(mask.index())));
    }
  }
}
