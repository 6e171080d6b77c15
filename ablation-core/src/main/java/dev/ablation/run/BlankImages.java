package dev.ablation.run;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ablation.anchor.AnchorBatch;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorSource;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.train.BatchSource;
import java.awt.image.BufferedImage;
import java.util.random.RandomGenerator;

/**
 * In place of anchor images, for an objective that takes only prompts, noise and timesteps of a
 * batch: zeros of the size that the model was trained for.
 *
 * @param model gives the shape
 */
record BlankImages(DiffusionModel model) implements AnchorSource {

  /** Batches of every prompt of the pairs. */
  static BatchSource batches(Plan plan, PlanCheck check) {
    BlankImages blank = new BlankImages(plan.model());
    return PairBatchSource.of(
        plan.batchChoices(),
        check.pairs(),
        pair -> new AnchorSet(blank, pair.anchorPrompts()),
        plan.seed());
  }

  @Override
  public AnchorBatch draw(int[] rows, RandomGenerator random, NDManager scope) {
    return AnchorBatch.plain(
        scope.zeros(TrainingProbe.latents(model, rows.length), DataType.FLOAT32));
  }

  @Override
  public BufferedImage image(int row, LatentCodec codec) {
    throw new IllegalStateException("the plan's objective uses no anchor images");
  }

  @Override
  public void close() {}
}
