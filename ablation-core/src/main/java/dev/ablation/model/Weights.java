package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The named weights of a model that an ablation may change. Names are those of the checkpoint,
 * stable across loads; roles describe the weights, so that nothing outside the adapter depends on a
 * naming scheme.
 *
 * {@snippet class="dev.ablation.Snippets" region="bind"}
 *
 * <p>An implementation for a model that stores its weights in a map:
 *
 * {@snippet class="dev.ablation.testing.TinyWeights" region="weights"}
 */
public interface Weights {

  /** {@return every weight in the order of the checkpoint; unmodifiable} */
  List<WeightInfo> list();

  /**
   * Returns the array that the network currently computes with. It is owned by the model, or by the
   * code that bound it. For a weight that the model stores in a narrower dtype ({@link
   * WeightInfo#dtype()}) it is a float32 copy, created at the first call and owned by the model;
   * for an independent copy see {@link #copy}.
   *
   * @param name of a weight
   * @return the live array, float32
   * @throws IllegalArgumentException if there is no such weight
   */
  NDArray get(String name);

  /**
   * Copies the array that the network computes with at this moment.
   *
   * @param name of a weight
   * @param owner of the copy
   * @return a float32 copy, without gradient
   * @throws IllegalArgumentException if there is no such weight
   */
  default NDArray copy(String name, NDManager owner) {
    NDArray copy = get(name).toType(DataType.FLOAT32, true);
    copy.attach(owner);
    return copy;
  }

  /**
   * Makes the network compute with {@code array} instead of the weight's own array, which is not
   * modified: training, teachers with frozen weights and applied deltas all work by binding, so
   * that the original bytes cannot change.
   *
   * @param name of a weight
   * @param array of the weight's shape, on the model's device; the caller keeps ownership and must
   *     not close it while it is bound. {@code null} binds the weight's own array again.
   * @throws IllegalArgumentException if there is no such weight or the shape differs
   */
  void bind(String name, @Nullable NDArray array);

  /**
   * Returns whether the network computes with an array other than the weight's own.
   *
   * @param name of a weight
   * @return whether {@link #bind} replaced it
   * @throws IllegalArgumentException if there is no such weight
   */
  boolean isBound(String name);

  /**
   * Copies {@code array} into the weight's own array, for good. A weight that was kept in a
   * narrower dtype is stored in float32 from then on, so that nothing is rounded.
   *
   * @param name of a weight
   * @param array of the weight's shape
   * @throws IllegalArgumentException if there is no such weight or the shape differs
   */
  void overwrite(String name, NDArray array);

  /**
   * Returns the SHA-256 of the bytes of the weight's own array, regardless of bindings: as float32,
   * row-major, little endian, regardless of the stored dtype.
   *
   * @param name of a weight
   * @return 64 hexadecimal digits
   * @throws IllegalArgumentException if there is no such weight
   */
  String sha256(String name);

  /**
   * {@return one SHA-256 for all weights: that of the lines {@code name + ' ' + sha256(name) +
   * '\n'} (UTF-8) in the order of {@link #list()}} It identifies the base model in provenance.
   * Computed on the first call and cached; for a model of four gigabytes this takes some seconds.
   */
  String sha256();

  /**
   * Returns one SHA-256 for all arrays that are bound instead of the model's own, such as those of
   * an applied delta. Together with {@link #sha256()} it identifies the weights of the network.
   *
   * @return 64 hexadecimal digits; empty if the network computes with the model's own weights
   */
  default Optional<String> boundSha256() {
    Hasher hasher = Hashing.sha256().newHasher();
    boolean any = false;
    for (WeightInfo info : list()) {
      if (isBound(info.name())) {
        any = true;
        hasher.putInt(info.name().length()).putString(info.name(), StandardCharsets.UTF_8);
        for (float value : get(info.name()).toFloatArray()) {
          hasher.putFloat(value);
        }
      }
    }
    return any ? Optional.of(hasher.hash().toString()) : Optional.empty();
  }
}
