package dev.ablation.djl.nn;

import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.TensorSource;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a layer computes with at this moment, as float32, for a file. Narrow weights are widened one
 * at a time.
 *
 * @param weight the weight
 */
public record WeightSource(Weight weight) implements TensorSource {

  /**
   * Returns the sources of all weights of a layer and of its children.
   *
   * @param layer whose weights are loaded
   * @return the sources by the names of the weights
   */
  public static Map<String, TensorSource> of(Layer layer) {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    layer.forEachWeight((name, weight) -> sources.put(name, new WeightSource(weight)));
    return sources;
  }

  @Override
  public Dtype dtype() {
    return Dtype.F32;
  }

  @Override
  public Shape shape() {
    return weight.shape();
  }

  @Override
  public void writeTo(WritableByteChannel out) throws IOException {
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      TensorSource.of(GradMode.with(false, weight::get)).writeTo(out);
    }
  }
}
