package dev.ablation.djl.nn;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ablation.djl.kernel.Kernels;
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

/** The weights of some networks under one naming: a prefix for each network, roles by name. */
public final class NamedWeights implements Weights {
  private static final int HASH_CHUNK = 1 << 24;

  private final Map<String, Weight> byName = new LinkedHashMap<>();
  private final Map<String, WeightInfo> infos = new LinkedHashMap<>();
  private final Map<String, String> hashes = new ConcurrentHashMap<>();

  /** Starts without weights. */
  public NamedWeights() {}

  /**
   * Adds a network's weights.
   *
   * @param prefix such as {@code "unet."}
   * @param network whose weights are added under prefix and name
   * @param role role of a weight by its name without the prefix
   * @return this
   */
  public NamedWeights add(String prefix, Layer network, Function<String, WeightRole> role) {
    network.forEachWeight((name, weight) -> {
      byName.put(prefix + name, weight);
      infos.put(prefix + name, new WeightInfo(prefix + name, weight.shape(), role.apply(name)));
    });
    return this;
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
   * Returns what is known of a weight.
   *
   * @param name with its prefix
   * @return name, shape and role
   * @throws IllegalArgumentException if there is none of that name
   */
  public WeightInfo info(String name) {
    weight(name);
    return Objects.requireNonNull(infos.get(name));
  }

  @Override
  public List<WeightInfo> list() {
    return List.copyOf(infos.values());
  }

  @Override
  public NDArray get(String name) {
    return weight(name).get();
  }

  @Override
  public void bind(String name, @Nullable NDArray array) {
    weight(name).bind(array);
  }

  @Override
  public boolean isBound(String name) {
    return weight(name).bound() != null;
  }

  @Override
  public void overwrite(String name, NDArray array) {
    Weight weight = weight(name);
    if (!array.getShape().equals(weight.shape())) {
      throw new IllegalArgumentException(
          "weight %s: expected shape %s, was %s".formatted(name, weight.shape(), array.getShape()));
    }
    Kernels.copy(array, weight.own());
    hashes.clear();
  }

  @Override
  public String sha256(String name) {
    Weight weight = weight(name);
    return hashes.computeIfAbsent(name, key -> hash(weight.own()));
  }

  @Override
  public String sha256() {
    return hashes.computeIfAbsent(
        "",
        key -> {
          MessageDigest digest = digest();
          for (String name : byName.keySet()) {
            String line = name + ' ' + hash(weight(name).own()) + '\n';
            digest.update(line.getBytes(StandardCharsets.UTF_8));
          }
          return HexFormat.of().formatHex(digest.digest());
        });
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
