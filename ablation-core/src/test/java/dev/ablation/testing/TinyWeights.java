package dev.ablation.testing;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.model.Weights;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The weights of a model that keeps them in a map. */
// @start region="weights"
public final class TinyWeights implements Weights {
  private final Map<String, WeightInfo> infos;
  private final Map<String, NDArray> own;
  private final Map<String, NDArray> bound = new HashMap<>();
  private final Map<String, LoraFactors> changes = new HashMap<>();
  private final boolean view;
  private @Nullable String hash;

  TinyWeights() {
    infos = new LinkedHashMap<>();
    own = new HashMap<>();
    view = false;
  }

  /** The same weights with bindings of their own. */
  TinyWeights(TinyWeights model) {
    infos = model.infos;
    own = model.own;
    view = true;
  }

  boolean isView() {
    return view;
  }

  void add(String name, WeightRole role, NDArray array) {
    WeightInfo info = new WeightInfo(name, array.getShape(), role);
    infos.put(name, role == WeightRole.TEXT_ENCODER ? info.layer(0) : info);
    own.put(name, array);
  }

  @Override
  public List<WeightInfo> list() {
    return List.copyOf(infos.values());
  }

  @Override
  public NDArray get(String name) {
    return bound.getOrDefault(name, own(name));
  }

  /** What the network computes with: a weight plus the low-rank change that is under training. */
  NDArray computed(String name) {
    LoraFactors change = changes.get(name);
    NDArray weight = get(name);
    return change == null ? weight : weight.add(change.product(weight.getManager()));
  }

  /** Adds a change to what the network computes with; {@code null} ends it. */
  void change(String name, @Nullable LoraFactors change) {
    if (change == null) {
      changes.remove(name);
    } else {
      changes.put(name, change);
    }
  }

  @Override
  public void bind(String name, @Nullable NDArray array) {
    if (array == null) {
      own(name);
      bound.remove(name);
    } else {
      checkShape(name, array);
      bound.put(name, array);
    }
  }

  @Override
  public boolean isBound(String name) {
    return get(name) != own(name);
  }

  @Override
  public void overwrite(String name, NDArray array) {
    checkShape(name, array);
    if (view) {
      throw new UnsupportedOperationException("a view cannot overwrite weight '" + name + "'");
    }
    array.copyTo(own(name));
    hash = null;
  }

  @Override
  public String sha256(String name) {
    float[] values = own(name).toFloatArray();
    ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * values.length);
    bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return hex(bytes.array());
  }

  @Override
  public String sha256() {
    if (hash == null) {
      List<String> lines = new ArrayList<>();
      infos.keySet().forEach(name -> lines.add(name + ' ' + sha256(name) + '\n'));
      hash = hex(String.join("", lines).getBytes(StandardCharsets.UTF_8));
    }
    return hash;
  }

  private NDArray own(String name) {
    NDArray array = own.get(name);
    if (array == null) {
      throw new IllegalArgumentException("the model has no weight '" + name + "'");
    }
    return array;
  }

  private void checkShape(String name, NDArray array) {
    Shape expected = own(name).getShape();
    if (!array.getShape().equals(expected)) {
      throw new IllegalArgumentException(
          "weight %s: expected shape %s, was %s".formatted(name, expected, array.getShape()));
    }
  }

  private static String hex(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  // @end

  /** Returns what is bound in place of a weight's own array, if anything is. */
  @Nullable NDArray bound(String name) {
    return bound.get(name);
  }

  /** Returns a weight's own array, whatever is bound. */
  NDArray original(String name) {
    return own(name);
  }
}
