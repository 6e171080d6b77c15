package dev.ablation.run;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.anchor.AnchorBatch;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.random.RandomStreams;
import dev.ablation.schedule.TimestepSampling;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Draws the rows of one pair from its anchor images: every image once before any is repeated, each
 * time in a new order. Everything drawn depends only on the seed, the step and the position.
 */
final class PairBatches {
  private final DiffusionModel model;
  private final @Nullable TimestepSampling sampling;
  private final Optional<InpaintingBatches> inpainting;
  private final AnchorSet anchors;
  private final ResolvedPair pair;
  private final long seed;
  private final List<Integer> images;

  PairBatches(BatchChoices choices, AnchorSet anchors, ResolvedPair pair, long seed) {
    model = choices.model();
    sampling = choices.timesteps();
    inpainting = InpaintingBatches.of(choices, seed);
    this.anchors = anchors;
    this.pair = pair;
    this.seed = seed;
    images = new ArrayList<>();
    for (int i = 0; i < anchors.size(); i++) {
      if (!pair.leftOut().contains(anchors.prompts().get(i))) {
        images.add(i);
      }
    }
  }

  /**
   * Draws rows.
   *
   * @param purpose separates the random streams of different uses
   * @param step 1 for the first
   * @param first position of the first row in the endless sequence of this pair's rows
   * @param count how many rows
   * @param scope owner of the batch's arrays
   */
  TrainingBatch draw(String purpose, int step, long first, int count, NDManager scope) {
    RandomGenerator random = RandomStreams.stream(seed, purpose + "pairs", step);
    List<String> anchorPrompts = new ArrayList<>();
    List<String> targetPrompts = new ArrayList<>();
    double[] times = new double[count];
    int[] rows = new int[count];
    for (int i = 0; i < count; i++) {
      int row = image(purpose, first + i);
      String prompt = anchors.prompts().get(row);
      rows[i] = row;
      anchorPrompts.add(prompt);
      targetPrompts.add(pair.anchor().targetPrompt(pair.target(), prompt, random));
      if (sampling == null) {
        times[i] = model.schedule().drawTime(random);
      }
    }
    if (sampling != null) {
      // A stream of their own: a choice of times does not change the pairs.
      RandomGenerator ofTimes = RandomStreams.stream(seed, purpose + "timesteps", step);
      times = sampling.draw(count, model.schedule(), ofTimes);
    }
    boolean prior = !purpose.isEmpty();
    RandomGenerator augmenting = RandomStreams.stream(seed, purpose + "augmentation", step);
    AnchorBatch drawn =
        prior ? anchors.drawPrior(rows, augmenting, scope) : anchors.draw(rows, augmenting, scope);
    List<String> preserved = preservedPrompts(purpose, step, first, anchorPrompts);
    for (int i = 0; i < count; i++) {
      String prefix = drawn.prefixes().get(i);
      targetPrompts.set(i, prefix + targetPrompts.get(i));
      if (prior) {
        anchorPrompts.set(i, prefix + anchorPrompts.get(i)); // of a pair it stays the teacher's
      }
    }
    NDArray latents = drawn.latents();
    NDArray noise =
        RandomStreams.gaussian(
            scope, latents.getShape(), RandomStreams.stream(seed, purpose + "noise", step));
    TrainingBatch batch =
        new TrainingBatch(
            latents, noise, model.schedule().toArray(times, scope), anchorPrompts, targetPrompts);
    return batch
        .mask(drawn.mask())
        .preservedPrompts(preserved)
        .conditions(
            inpainting
                .map(masks -> masks.conditions(purpose, step, latents, scope))
                .orElse(Map.of()));
  }

  /** A separate stream, so that preservation does not change the pairs. */
  private List<String> preservedPrompts(
      String purpose, int step, long first, List<String> anchorPrompts) {
    List<Concept> concepts = pair.preserved();
    if (concepts.isEmpty()) {
      return pair.preservesAnchor() ? anchorPrompts : List.of();
    }
    RandomGenerator random = RandomStreams.stream(seed, purpose + "preserved", step);
    List<String> prompts = new ArrayList<>();
    for (int i = 0; i < anchorPrompts.size(); i++) {
      Concept concept = concepts.get((int) ((first + i) % concepts.size()));
      prompts.add(concept.targetPrompt(anchorPrompts.get(i), pair.anchorName(), random));
    }
    return prompts;
  }

  /** The image at a position of the endless sequence of shuffled rounds. */
  private int image(String purpose, long place) {
    long round = place / images.size();
    List<Integer> order = new ArrayList<>(images);
    Collections.shuffle(order, new Random(RandomStreams.seed(seed, purpose + "order", round)));
    return order.get((int) (place % images.size()));
  }
}
