package dev.ablation.djl;

import dev.ablation.djl.nn.Layer;
import dev.ablation.golden.Tensor;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The outputs of chosen layers of a network, by name, until it is closed. */
public final class ObservedOutputs implements AutoCloseable {
  private final Layer network;
  private final Map<String, List<Tensor>> outputs = new HashMap<>();

  /**
   * Looks at some layers.
   *
   * @param network whose layers are looked at
   * @param names of the layers; names that no layer has are ignored until they are asked for
   */
  public ObservedOutputs(Layer network, Collection<String> names) {
    this.network = network;
    network.forEachLayer((name, layer) -> {
      if (names.contains(name)) {
        layer.observe(out -> outputs.put(name, Tensor.of(out)));
      }
    });
  }

  /**
   * Returns an output of the last call.
   *
   * @param name of the layer
   * @param index of the output, from 0
   * @return a copy
   */
  public Tensor output(String name, int index) {
    List<Tensor> all = outputs.get(name);
    if (all == null) {
      throw new AssertionError("the network has no layer " + name + ", or did not call it");
    }
    return all.get(index);
  }

  @Override
  public void close() {
    network.forEachLayer((name, layer) -> layer.observe(null));
  }
}
