package dev.ablation.testing;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.WeightDelta;
import dev.ablation.model.DiffusionModel;
import dev.ablation.provenance.Provenance;
import dev.ablation.random.RandomStreams;
import java.util.LinkedHashMap;
import java.util.Map;

/** Changes that nobody trained. */
public final class TinyDelta {
  private TinyDelta() {}

  /** Adds random numbers of this size to keys and values. */
  public static WeightDelta of(DiffusionModel model, double size) {
    Map<String, String> hashes = new LinkedHashMap<>();
    Map<String, NDArray> trained = new LinkedHashMap<>();
    try (NDManager scope = model.manager().newSubManager()) {
      for (String name : new String[] {"network.key", "network.value"}) {
        Shape shape = model.weights().get(name).getShape();
        NDArray change =
            RandomStreams.gaussian(scope, shape, RandomStreams.stream(7, name, 0)).muli(size);
        trained.put(name, change.addi(model.weights().get(name)));
        hashes.put(name, model.weights().sha256(name));
      }
      Provenance provenance =
          new Provenance(
              "1.0",
              model.descriptor().name(),
              model.weights().sha256(),
              hashes,
              Map.of(),
              Map.of());
      return WeightDelta.between(model.weights(), trained, model.manager(), provenance);
    }
  }
}
