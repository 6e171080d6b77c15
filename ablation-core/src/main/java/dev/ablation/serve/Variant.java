package dev.ablation.serve;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.delta.WeightDelta;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.ModelViews;
import dev.ablation.provenance.Provenance;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model with some deltas: the changed weights, which the views of several workers bind at once.
 * They are freed when the variant has been removed and its last request has ended.
 */
final class Variant {
  private final NDManager owner;
  private final List<Provenance> deltas;
  private final Map<String, NDArray> weights = new LinkedHashMap<>();
  private final long bytes;

  /** The pool's own hold is one of them. */
  private int holds = 1;

  private Variant(NDManager owner, List<Provenance> deltas, long bytes) {
    this.owner = owner;
    this.deltas = deltas;
    this.bytes = bytes;
  }

  /** Applies the deltas in their order, each to the result of those before. */
  static Variant of(ModelViews views, List<WeightDelta> deltas, long bytes) {
    try (DiffusionModel view = views.view()) {
      NDManager owner = view.manager().newSubManager();
      Variant variant =
          new Variant(owner, deltas.stream().map(WeightDelta::provenance).toList(), bytes);
      try {
        variant.compute(view, deltas);
      } catch (RuntimeException | Error e) {
        owner.close();
        throw e;
      }
      return variant;
    }
  }

  private void compute(DiffusionModel view, List<WeightDelta> deltas) {
    if (deltas.isEmpty()) {
      return;
    }
    WeightDelta first = deltas.get(0);
    first.applied(
        view,
        () -> {
          compute(view, deltas.subList(1, deltas.size()));
          first
              .names()
              .forEach(
                  name -> weights.computeIfAbsent(name, key -> view.weights().copy(key, owner)));
          return weights.size();
        });
  }

  List<Provenance> deltas() {
    return deltas;
  }

  long bytes() {
    return bytes;
  }

  void bindTo(DiffusionModel view) {
    weights.forEach(view.weights()::bind);
  }

  void unbindFrom(DiffusionModel view) {
    weights.keySet().forEach(name -> view.weights().bind(name, null));
  }

  synchronized void hold() {
    holds++;
  }

  /** Ends a hold; returns whether it was the last one and the weights are freed. */
  synchronized boolean release() {
    if (--holds > 0) {
      return false;
    }
    owner.close();
    return true;
  }
}
