package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Finds the layer at which half precision overflows. */
final class Overflow {
  /** Set while a network computes once more, in which the overflow is known. */
  private static final ThreadLocal<Boolean> SEARCHING = ThreadLocal.withInitial(() -> false);

  private Overflow() {}

  static boolean isFinite(NDArray array) {
    try (NDArray all = GradMode.with(false, () -> Kernels.ALL_FINITE.call(array))) {
      return all.getBoolean();
    }
  }

  /** Computes the network once more and watches its layers; the innermost are done first. */
  static HalfPrecisionException find(Layer network, NDList in) {
    if (SEARCHING.get()) {
      return new HalfPrecisionException("", "known");
    }
    AtomicReference<@Nullable String> first = new AtomicReference<>();
    Map<Layer, @Nullable Consumer<NDList>> observers = new LinkedHashMap<>();
    network.forEachLayer((name, layer) -> {
      if (!name.isEmpty()) {
        observers.put(layer, layer.observer());
        layer.observe(out -> {
          if (first.get() == null && !out.stream().allMatch(Overflow::isFinite)) {
            first.set(name);
          }
        });
      }
    });
    SEARCHING.set(true);
    try {
      GradMode.with(
          false,
          () -> {
            network.call(in).close();
            return in;
          });
    } catch (HalfPrecisionException e) {
      // That it overflows again is expected.
    } finally {
      SEARCHING.set(false);
      observers.forEach(Layer::observe);
    }
    String name = network.getClass().getSimpleName();
    String found = first.get();
    String layer = found == null ? name : name + "." + found;
    return new HalfPrecisionException(
        layer,
        "%s: the output of layer %s is not finite in %s; load the model with another precision, %s"
            .formatted(
                name,
                layer,
                network.precision(),
                network.precision() == Precision.FLOAT16
                    ? "BFLOAT16, which has the range of float32, or FLOAT32"
                    : "FLOAT32"));
  }
}
