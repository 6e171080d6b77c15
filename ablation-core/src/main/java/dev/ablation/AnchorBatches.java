package dev.ablation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.anchor.AnchorRows;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.random.RandomStreams;
import dev.ablation.train.BatchSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Draws pairs from anchor pictures: every picture once before any comes again, in an order of its
 * own each time. All that is drawn depends on seed and step alone.
 */
final class AnchorBatches implements BatchSource {
  private final DiffusionModel model;
  private final AnchorSet anchors;
  private final Concept target;
  private final AnchorStrategy anchor;
  private final long seed;

  AnchorBatches(
      DiffusionModel model, AnchorSet anchors, Concept target, AnchorStrategy anchor, long seed) {
    this.model = model;
    this.anchors = anchors;
    this.target = target;
    this.anchor = anchor;
    this.seed = seed;
  }

  @Override
  public TrainingBatch batch(int step, int size, NDManager scope) {
    return draw("", step, size, scope);
  }

  @Override
  public Optional<TrainingBatch> priorBatch(int step, int size, NDManager scope) {
    return Optional.of(draw("prior-", step, size, scope));
  }

  private TrainingBatch draw(String purpose, int step, int size, NDManager scope) {
    RandomGenerator random = RandomStreams.stream(seed, purpose + "pairs", step);
    List<String> anchorPrompts = new ArrayList<>();
    List<String> targetPrompts = new ArrayList<>();
    long[] timesteps = new long[size];
    int[] rows = new int[size];
    for (int i = 0; i < size; i++) {
      int row = picture(purpose, (step - 1L) * size + i);
      String prompt = anchors.prompts().get(row);
      rows[i] = row;
      anchorPrompts.add(prompt);
      targetPrompts.add(anchor.targetPrompt(target, prompt, random));
      timesteps[i] = random.nextInt(model.schedule().steps());
    }
    RandomGenerator augmenting = RandomStreams.stream(seed, purpose + "augmentation", step);
    AnchorRows drawn =
        purpose.isEmpty()
            ? anchors.draw(rows, augmenting, scope)
            : anchors.drawPrior(rows, augmenting, scope);
    for (int i = 0; i < size; i++) {
      String prefix = drawn.prefixes().get(i);
      targetPrompts.set(i, prefix + targetPrompts.get(i));
      if (!purpose.isEmpty()) {
        anchorPrompts.set(i, prefix + anchorPrompts.get(i)); // of a pair it stays the teacher's
      }
    }
    NDArray latents = drawn.latents();
    NDArray noise =
        RandomStreams.gaussian(
            scope, latents.getShape(), RandomStreams.stream(seed, purpose + "noise", step));
    return new TrainingBatch(
        latents, noise, scope.create(timesteps), drawn.mask(), anchorPrompts, targetPrompts);
  }

  /** The picture at a place of the endless sequence of shuffled rounds. */
  private int picture(String purpose, long place) {
    long round = place / anchors.size();
    List<Integer> order = new ArrayList<>(IntStream.range(0, anchors.size()).boxed().toList());
    Collections.shuffle(order, new Random(RandomStreams.seed(seed, purpose + "order", round)));
    return order.get((int) (place % anchors.size()));
  }
}
