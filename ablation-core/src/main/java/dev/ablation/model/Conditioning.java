package dev.ablation.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.common.collect.Sets;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * The network's inputs besides latents and timestep: arrays by name, such as the text embeddings
 * for cross-attention and the pooled text embedding. A model's {@link DiffusionModel#encode}
 * creates it from prompts. The first axis of every array is the batch.
 *
 * <p>A network uses every array or rejects it by name ({@link #checkNames}); it never ignores one
 * silently.
 *
 * <p>Immutable. A conditioning does not own its arrays: they belong to the manager with which they
 * were created.
 */
@CheckReturnValue
public final class Conditioning {
  /** Text embeddings, shape {@code (B, T, D)}, float32. */
  public static final String TEXT = "text";

  /** Pooled text embedding, shape {@code (B, D)}, float32. */
  public static final String POOLED = "pooled";

  /**
   * Sizes and crop of the image, shape {@code (B, 6)}, float32 (Podell et al. 2023, arXiv
   * 2307.01952, section 2.2).
   */
  public static final String TIME_IDS = "time_ids";

  /** The guidance scale that the network takes as an input, shape {@code (B)}, float32. */
  public static final String GUIDANCE = "guidance";

  /**
   * Which part of the image to draw, shape {@code (B, 1, H, W)} in latents, float32: 1 where it is
   * drawn anew, 0 where it stays (Rombach et al. 2022, arXiv 2112.10752, section 4.5).
   */
  public static final String MASK = "mask";

  /**
   * Latents of the image without its part to draw, shape {@code (B, C, H, W)}, float32; beside
   * {@link #MASK}.
   */
  public static final String MASKED_IMAGE_LATENTS = "masked_image_latents";

  private final Map<String, NDArray> arrays;

  /**
   * Creates a conditioning that has text embeddings alone.
   *
   * @param text shape {@code (B, T, D)}, float32
   */
  public Conditioning(NDArray text) {
    this(Map.of(TEXT, text));
  }

  /**
   * Creates a conditioning.
   *
   * @param arrays by name, at least one, each of shape {@code (B, ...)}; copied
   * @throws IllegalArgumentException if there is none or their batch sizes differ
   */
  public Conditioning(Map<String, NDArray> arrays) {
    Preconditions.checkArgument(!arrays.isEmpty(), "conditioning: expected at least one array");
    this.arrays = Collections.unmodifiableMap(new LinkedHashMap<>(arrays));
    NDArray text = this.arrays.get(TEXT);
    Preconditions.checkArgument(
        text == null || text.getShape().dimension() == 3,
        "conditioning '%s': expected (B, T, D), was %s",
        TEXT,
        text == null ? null : text.getShape());
    this.arrays.forEach((name, array) -> {
      Preconditions.checkArgument(
          array.getShape().dimension() > 0 && array.getShape().get(0) == batchSize(),
          "conditioning '%s': expected batch size %s, was shape %s",
          name,
          batchSize(),
          array.getShape());
    });
  }

  /** {@return B, the number of prompts} */
  public long batchSize() {
    return arrays.values().iterator().next().getShape().get(0);
  }

  /** {@return the names of the arrays, in the order that they were given in} */
  public Set<String> names() {
    return arrays.keySet();
  }

  /** {@return the arrays by name} */
  public Map<String, NDArray> arrays() {
    return arrays;
  }

  /**
   * Returns whether there is an array of some name.
   *
   * @param name such as {@link #POOLED}
   * @return whether {@link #get(String)} has it
   */
  public boolean has(String name) {
    return arrays.containsKey(name);
  }

  /**
   * Returns an array.
   *
   * @param name such as {@link #POOLED}
   * @return the array itself, shape {@code (B, ...)}
   * @throws IllegalArgumentException if there is none of that name
   */
  public NDArray get(String name) {
    NDArray array = arrays.get(name);
    if (array == null) {
      throw new IllegalArgumentException(
          "conditioning: there is no '%s', only %s".formatted(name, names()));
    }
    return array;
  }

  /**
   * {@return the text embeddings, shape {@code (B, T, D)}}
   *
   * @throws IllegalArgumentException if there are none
   */
  public NDArray textEmbeddings() {
    return get(TEXT);
  }

  /**
   * Adds or replaces an array.
   *
   * @param name such as {@link #POOLED}
   * @param array shape {@code (B, ...)}
   * @return a copy with the given values
   */
  public Conditioning with(String name, NDArray array) {
    return with(Map.of(name, array));
  }

  /**
   * Adds or replaces arrays.
   *
   * @param more by name, each of shape {@code (B, ...)}
   * @return a copy with the given values
   */
  public Conditioning with(Map<String, NDArray> more) {
    Map<String, NDArray> changed = new LinkedHashMap<>(arrays);
    changed.putAll(more);
    return new Conditioning(changed);
  }

  /**
   * Checks that a network can use every array. A model calls it before it predicts, so that no
   * array is ignored silently.
   *
   * @param required the names that the network needs
   * @param optional further names that it can use
   * @throws IllegalArgumentException naming the missing and the unused arrays
   */
  public void checkNames(Set<String> required, Set<String> optional) {
    Set<String> missing = new TreeSet<>(required);
    missing.removeAll(names());
    Set<String> unused = new TreeSet<>(names());
    unused.removeAll(required);
    unused.removeAll(optional);
    Preconditions.checkArgument(
        missing.isEmpty(), "conditioning: the network needs %s, but only has %s", missing, names());
    Preconditions.checkArgument(
        unused.isEmpty(),
        "conditioning: the network does not take %s; it takes %s",
        unused,
        new TreeSet<>(Sets.union(required, optional)));
  }

  /**
   * Joins conditionings along the batch axis.
   *
   * @param parts at least one, all with the same names
   * @return one conditioning whose arrays belong to the manager of the first part's
   * @throws IllegalArgumentException if the names differ
   */
  public static Conditioning concat(List<Conditioning> parts) {
    Preconditions.checkArgument(!parts.isEmpty(), "parts must not be empty");
    Conditioning first = parts.get(0);
    for (Conditioning part : parts) {
      Preconditions.checkArgument(
          part.names().equals(first.names()),
          "conditionings must have the same names to be joined, were %s and %s",
          first.names(),
          part.names());
    }
    Map<String, NDArray> joined = new LinkedHashMap<>();
    for (String name : first.names()) {
      joined.put(name, join(parts.stream().map(part -> part.get(name)).toList()));
    }
    return new Conditioning(joined);
  }

  /**
   * Returns the conditioning of one prompt, keeping the batch axis.
   *
   * @param index which prompt
   * @return batch size 1; the arrays belong to the managers of this conditioning's
   */
  public Conditioning get(int index) {
    String rows = index + ":" + (index + 1);
    return map(array -> array.get(rows));
  }

  /**
   * Returns a conditioning with {@code change} applied to every array.
   *
   * @param change keeps the batch axis first
   * @return the changed conditioning
   */
  public Conditioning map(UnaryOperator<NDArray> change) {
    Map<String, NDArray> changed = new LinkedHashMap<>();
    arrays.forEach((name, array) -> changed.put(name, change.apply(array)));
    return new Conditioning(changed);
  }

  /**
   * Transfers the arrays to another owner.
   *
   * @param scope the new owner
   * @return this
   */
  public Conditioning attach(NDManager scope) {
    arrays.values().forEach(array -> array.attach(scope));
    return this;
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("Conditioning");
    arrays.forEach((name, array) -> text.append(' ').append(name).append(array.getShape()));
    return text.toString();
  }

  private static NDArray join(List<NDArray> parts) {
    return parts.size() == 1 ? parts.get(0) : NDArrays.concat(new NDList(parts), 0);
  }
}
