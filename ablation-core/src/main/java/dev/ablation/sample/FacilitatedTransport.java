package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.common.collect.ImmutableList;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.DeltaMismatchException;
import dev.ablation.delta.WeightDelta;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Draws with deltas that act as far as a prompt asks for them (Lyu et al., <i>One-dimensional
 * Adapter to Rule Them All</i>, CVPR 2024, arXiv 2312.16145, section 3.3): for each prompt the
 * network computes with {@code W + sum of g_i d_i}, where the scale g_i of delta i is that of its
 * {@link ConceptGate}. Adapters that were trained apart so share a model; {@link #inFull} adds
 * deltas of other methods.
 *
 * {@snippet class="dev.ablation.sample.FacilitatedTransportTest" region="facilitated-transport"}
 *
 * <p>A batch has one set of weights: images whose prompts have the same scales are drawn together,
 * others after each other, and between them the changed weights are computed anew. (The paper's
 * formula is this one. Its published code multiplies both factors of an adapter by the scale, which
 * squares it, and adds up factors of several adapters in place of their products.)
 *
 * <p>It does not own the deltas, which must stay open. Used by one thread at a time.
 */
@CheckReturnValue
public final class FacilitatedTransport {
  private final DiffusionModel model;
  private final List<WeightDelta> deltas;

  /** Act on every prompt alike. */
  private final List<WeightDelta> inFull;

  private FacilitatedTransport(
      DiffusionModel model, List<WeightDelta> deltas, List<WeightDelta> inFull) {
    this.model = model;
    this.deltas = deltas;
    this.inFull = inFull;
  }

  /**
   * Prepares drawing.
   *
   * @param model the base model that the deltas were learned on
   * @param delta with a {@linkplain WeightDelta#gate() gate}
   * @param others further ones, each with a gate of its own
   * @return for drawing with all of them
   * @throws IllegalArgumentException if a delta has no gate
   * @throws DeltaMismatchException if the model is a different one
   */
  public static FacilitatedTransport of(
      DiffusionModel model, WeightDelta delta, WeightDelta... others) {
    List<WeightDelta> all = ImmutableList.<WeightDelta>builder().add(delta).add(others).build();
    for (WeightDelta each : all) {
      Preconditions.checkArgument(
          each.gate().isPresent(),
          "each delta must have a gate, see WeightDelta.gatedBy; %s has none",
          each);
      checkMatches(each, model);
    }
    return new FacilitatedTransport(model, all, List.of());
  }

  private static void checkMatches(WeightDelta delta, DiffusionModel model) {
    List<String> differences = delta.differencesFrom(model);
    if (!differences.isEmpty()) {
      throw new DeltaMismatchException(model.descriptor().name(), differences);
    }
  }

  /**
   * Draws with one delta: as far as each prompt asks for it if it has a gate, else in full.
   *
   * @param delta gate or not
   * @param model the base model that the delta was learned on
   * @param sampler of the same model, without source images
   * @param prompts n prompts, at least one
   * @param seed of the first image
   * @return n images, as {@link LatentSampler#draw(List, long)}
   * @throws DeltaMismatchException if the model is a different one
   */
  public static List<BufferedImage> drawWith(
      WeightDelta delta,
      DiffusionModel model,
      LatentSampler sampler,
      List<String> prompts,
      long seed) {
    return delta.gate().isPresent()
        ? of(model, delta).draw(sampler, prompts, seed)
        : delta.applied(model, () -> sampler.draw(prompts, seed));
  }

  /**
   * Adds a delta that acts on every prompt alike, gate or not. The scales of the others are those
   * of the base model's text encoder all the same.
   *
   * @param delta learned on the base model, too
   * @return a copy that draws with the delta as well
   * @throws DeltaMismatchException if the model is a different one
   */
  public FacilitatedTransport inFull(WeightDelta delta) {
    checkMatches(delta, model);
    return new FacilitatedTransport(
        model, deltas, ImmutableList.<WeightDelta>builder().addAll(inFull).add(delta).build());
  }

  /**
   * Returns how strongly prompts ask for the deltas.
   *
   * @param prompts any
   * @return for each prompt the scale of each delta that has a gate
   */
  public List<List<Double>> scales(List<String> prompts) {
    List<List<Double>> ofDeltas = new ArrayList<>();
    for (WeightDelta delta : deltas) {
      ConceptGate gate = delta.gate().orElseThrow();
      ofDeltas.add(gate.scales(model, prompts));
    }
    List<List<Double>> ofPrompts = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      int index = i;
      ofPrompts.add(ofDeltas.stream().map(scales -> scales.get(index)).toList());
    }
    return ofPrompts;
  }

  /**
   * Draws latents, image i from the seed {@code seed + i}.
   *
   * @param sampler of the same model, without source images
   * @param prompts n prompts, at least one
   * @param seed of the first image
   * @param owner of the result
   * @return as {@link LatentSampler#sample(List, long, NDManager)}
   */
  public NDArray sample(LatentSampler sampler, List<String> prompts, long seed, NDManager owner) {
    try (NDManager scope = model.newScope()) {
      NDArray latents =
          NDArrays.stack(
              new NDList(
                  grouped(
                      sampler,
                      prompts,
                      group -> {
                        NDArray drawn =
                            sampler.sample(group.prompts(prompts), group.noise(seed), scope);
                        List<NDArray> rows = new ArrayList<>();
                        for (int i = 0; i < group.images().size(); i++) {
                          rows.add(drawn.get(i));
                        }
                        return rows;
                      })));
      latents.attach(owner);
      return latents;
    }
  }

  /**
   * Draws images, image i from the seed {@code seed + i}.
   *
   * @param sampler of the same model, without source images
   * @param prompts n prompts, at least one
   * @param seed of the first image
   * @return n images, as {@link LatentSampler#draw(List, long)}
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model has no {@link
   *     LatentCodec}
   */
  public List<BufferedImage> draw(LatentSampler sampler, List<String> prompts, long seed) {
    Capabilities.require(model, LatentCodec.class, "drawing images");
    return grouped(
        sampler, prompts, group -> sampler.draw(group.prompts(prompts), group.noise(seed)));
  }

  /** Images that are drawn with the same weights. */
  private record Group(List<Double> scales, List<Integer> images) {
    List<String> prompts(List<String> all) {
      return images.stream().map(all::get).toList();
    }

    NoiseSource noise(long seed) {
      return NoiseSource.ofSeeds(images.stream().mapToLong(image -> seed + image).toArray());
    }
  }

  private <T> List<T> grouped(
      LatentSampler sampler, List<String> prompts, Function<Group, List<T>> drawing) {
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
    Preconditions.checkArgument(
        sampler.draws(model), "the sampler must draw with the model that the deltas change");
    Map<List<Double>, Group> groups = new LinkedHashMap<>();
    List<List<Double>> scales = scales(prompts);
    for (int i = 0; i < prompts.size(); i++) {
      groups
          .computeIfAbsent(scales.get(i), key -> new Group(key, new ArrayList<>()))
          .images()
          .add(i);
    }
    Map<Integer, T> made = new LinkedHashMap<>();
    for (Group group : groups.values()) {
      List<T> drawn = withAll(group, 0, drawing);
      for (int i = 0; i < drawn.size(); i++) {
        made.put(group.images().get(i), drawn.get(i));
      }
    }
    List<T> inOrder = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      inOrder.add(Objects.requireNonNull(made.get(i)));
    }
    return inOrder;
  }

  /** Applies the deltas that act in full from one on, and then the others. */
  private <T> List<T> withAll(Group group, int index, Function<Group, List<T>> drawing) {
    return index == inFull.size()
        ? applied(group, 0, drawing)
        : applied(inFull.get(index), () -> withAll(group, index + 1, drawing));
  }

  /** The base was compared at the beginning. */
  private <T> T applied(WeightDelta delta, Supplier<T> drawing) {
    WeightDelta.Applied scope = delta.applyTo(model, true);
    try {
      return drawing.get();
    } finally {
      scope.close();
    }
  }

  /** Applies the deltas from one on, each by its scale. */
  private <T> List<T> applied(Group group, int index, Function<Group, List<T>> drawing) {
    if (index == deltas.size()) {
      return drawing.apply(group);
    }
    double scale = group.scales().get(index);
    if (scale == 0) {
      return applied(group, index + 1, drawing);
    }
    try (WeightDelta scaled = deltas.get(index).scaledBy(scale)) {
      return applied(scaled, () -> applied(group, index + 1, drawing));
    }
  }
}
