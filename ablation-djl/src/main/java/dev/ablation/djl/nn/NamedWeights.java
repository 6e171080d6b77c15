package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.model.Weights;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The weights of some networks under one naming: a prefix for each network. The networks themselves
 * say which projection a weight is.
 */
public final class NamedWeights implements Weights {
  private static final int HASH_CHUNK = 1 << 24;

  private static final String BUFFERS = "buffers";

  private final Map<String, Weight> byName = new LinkedHashMap<>();
  private final Map<String, WeightInfo> infos = new LinkedHashMap<>();
  private final Map<String, String> hashes = new ConcurrentHashMap<>();

  /** Tables of the networks, which no ablation changes. */
  private final Map<String, Weight> buffers = new LinkedHashMap<>();

  /** Float32 copies of narrow weights that were requested as live arrays. */
  private final Map<String, NDArray> widened = new ConcurrentHashMap<>();

  private final ModelUse use = new ModelUse();

  /** Starts without weights. */
  public NamedWeights() {}

  /** {@return who uses the model; binding weights reserves it for the thread that does} */
  public ModelUse use() {
    return use;
  }

  /**
   * Adds a network's weights, under the component's name and a dot.
   *
   * @param component such as {@code "unet"}
   * @param network whose weights are added
   * @param otherwise role of the weights for which the network declares none
   * @return this
   */
  @CanIgnoreReturnValue
  public NamedWeights add(String component, Layer network, WeightRole otherwise) {
    return add(component, component + ".", network, name -> otherwise);
  }

  /**
   * Adds a network's weights.
   *
   * @param prefix such as {@code "unet."}, which also names the component
   * @param network whose weights are added under prefix and name
   * @param otherwise role of the weights for which the network declares none, by the name without
   *     the prefix
   * @return this
   */
  @CanIgnoreReturnValue
  public NamedWeights add(String prefix, Layer network, Function<String, WeightRole> otherwise) {
    String component = prefix.endsWith(".") ? prefix.substring(0, prefix.length() - 1) : prefix;
    return add(component, prefix, network, otherwise);
  }

  /**
   * Adds a network's weights.
   *
   * @param component that they belong to
   * @param prefix of their names
   * @param network whose weights are added under prefix and name
   * @param otherwise role of the weights for which the network declares none, by the name without
   *     the prefix
   * @return this
   */
  @CanIgnoreReturnValue
  public NamedWeights add(
      String component, String prefix, Layer network, Function<String, WeightRole> otherwise) {
    network.forEachWeight((name, weight) -> {
      if (weight.isBuffer()) {
        buffers.put(prefix + name, weight);
        return;
      }
      byName.put(prefix + name, weight);
      WeightInfo info =
          new WeightInfo(prefix + name, weight.shape(), role(weight, otherwise.apply(name)))
              .component(component)
              .projection(weight.projection().orElse(null));
      infos.put(
          prefix + name, weight.layer().isPresent() ? info.layer(weight.layer().getAsInt()) : info);
    });
    return this;
  }

  /** In a text encoder an attention's weights are the encoder's first of all. */
  private static WeightRole role(Weight weight, WeightRole otherwise) {
    return weight
        .role()
        .orElseGet(() ->
            otherwise == WeightRole.DENOISER
                ? weight.projection().map(WeightRole::of).orElse(otherwise)
                : otherwise);
  }

  /**
   * Returns a weight.
   *
   * @param name with its prefix
   * @return the weight
   * @throws IllegalArgumentException if there is none of that name
   */
  public Weight weight(String name) {
    Weight weight = byName.get(name);
    if (weight == null) {
      throw new IllegalArgumentException("the model has no weight '" + name + "'");
    }
    return weight;
  }

  /**
   * Returns the description of a weight.
   *
   * @param name with its prefix
   * @return name, shape, role and format
   * @throws IllegalArgumentException if there is none of that name
   */
  public WeightInfo info(String name) {
    Weight weight = weight(name);
    return Objects.requireNonNull(infos.get(name)).dtype(weight.dtype());
  }

  @Override
  public List<WeightInfo> list() {
    return byName.keySet().stream().map(this::info).toList();
  }

  @Override
  public NDArray get(String name) {
    Weight weight = weight(name);
    use.checkReadable();
    if (weight.bound() == null && weight.isNarrow()) {
      return widened.computeIfAbsent(name, key -> unscoped(weight));
    }
    return weight.get();
  }

  /** A widened copy that outlives the scope of the caller. */
  private static NDArray unscoped(Weight weight) {
    NDArray wide = GradMode.with(false, weight::own);
    NDScope.unregister(wide);
    return wide;
  }

  @Override
  public NDArray copy(String name, NDManager owner) {
    Weight weight = weight(name);
    return use.during(() -> weight.copy(owner));
  }

  @Override
  public void bind(String name, @Nullable NDArray array) {
    Weight weight = weight(name);
    use.bind(() -> weight.bind(array), weight.bound() != null, array != null);
  }

  @Override
  public boolean isBound(String name) {
    Weight weight = weight(name);
    use.checkReadable();
    return weight.bound() != null;
  }

  @Override
  public void overwrite(String name, NDArray array) {
    Weight weight = weight(name);
    if (!array.getShape().equals(weight.shape())) {
      throw new IllegalArgumentException(
          "weight %s: expected shape %s, was %s".formatted(name, weight.shape(), array.getShape()));
    }
    use.overwrite(() -> weight.overwrite(array));
    widened.remove(name);
    hashes.clear();
  }

  @Override
  public String sha256(String name) {
    Weight weight = weight(name);
    return use.during(() -> hashes.computeIfAbsent(name, key -> hash(weight)));
  }

  @Override
  public String sha256() {
    return use.during(() -> hashes.computeIfAbsent("", key -> hashOf(byName)));
  }

  private static String hashOf(Map<String, Weight> weights) {
    MessageDigest digest = digest();
    weights.forEach((name, weight) -> update(digest, name, weight));
    return HexFormat.of().formatHex(digest.digest());
  }

  /** {@return a hash of the tables of the networks that are no weights} */
  public String buffersSha256() {
    return use.during(() -> hashes.computeIfAbsent(BUFFERS, key -> hashOf(buffers)));
  }

  private static void update(MessageDigest digest, String name, Weight weight) {
    String line = name + ' ' + hash(weight) + '\n';
    digest.update(line.getBytes(StandardCharsets.UTF_8));
  }

  private static String hash(Weight weight) {
    try (NDScope scope = new NDScope()) {
      scope.suppressNotUsedWarning();
      return hash(GradMode.with(false, weight::own));
    }
  }

  private static String hash(NDArray array) {
    MessageDigest digest = digest();
    if (array.getShape().isScalar()) {
      digest.update(array.toByteBuffer());
      return HexFormat.of().formatHex(digest.digest());
    }
    long rows = array.getShape().get(0);
    long rowBytes = Math.max(1, array.getShape().size() / rows * DataType.FLOAT32.getNumOfBytes());
    long step = Math.max(1, HASH_CHUNK / rowBytes);
    for (long row = 0; row < rows; row += step) {
      try (NDArray part = array.get(row + ":" + Math.min(rows, row + step))) {
        ByteBuffer bytes = part.toByteBuffer();
        digest.update(bytes);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
