package dev.ablation.run;

import ai.djl.ndarray.NDManager;
import dev.ablation.model.DiffusionModel;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.function.Supplier;

/** Marks a model as belonging to one run. */
final class ModelInUse implements AutoCloseable {
  private static final Set<DiffusionModel> IN_USE =
      Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));

  private final DiffusionModel model;

  private ModelInUse(DiffusionModel model) {
    this.model = model;
  }

  static ModelInUse of(DiffusionModel model) {
    if (model.isClosed()) {
      throw new IllegalStateException("model '" + model.descriptor().name() + "' is closed");
    }
    if (!IN_USE.add(model)) {
      throw new IllegalStateException(
          "model '%s' is used by another run; wait for it or open another copy"
              .formatted(model.descriptor().name()));
    }
    return new ModelInUse(model);
  }

  @SuppressWarnings("try") // the scope only keeps the model open
  <T> T during(Supplier<T> body) {
    try (NDManager unused = model.newScope()) {
      return body.get();
    }
  }

  @Override
  public void close() {
    IN_USE.remove(model);
  }
}
