package dev.ablation.examples;

import dev.ablation.Ablation;
import dev.ablation.Ablator;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.GradientTrainer;

/**
 * An ablation and the pictures that show what it did.
 *
 * @param target what is removed
 * @param anchor what is drawn instead
 * @param augmentation how its pictures are changed in training
 * @param objective the loss
 * @param training steps, batch, learning rate
 * @param seed of the run; the compared pictures are drawn from it too
 * @param grid prompts to draw before and after
 * @param sampling how these are drawn
 */
record Job(
    Concept target,
    GeneratedAnchors anchor,
    Augmentation augmentation,
    AblationObjective objective,
    GradientTrainer training,
    long seed,
    PictureGrid grid,
    SamplingSettings sampling) {

  Ablation plan(DiffusionModel model) {
    return Ablator.of(model)
        .target(target)
        .anchor(anchor.augmented(augmentation))
        .objective(objective)
        .weights(WeightGroup.crossAttentionKeyValue())
        .trainer(training)
        .seed(seed);
  }

  Job images(int images) {
    return new Job(
        target, anchor.images(images), augmentation, objective, training, seed, grid, sampling);
  }

  Job training(GradientTrainer changed) {
    return new Job(target, anchor, augmentation, objective, changed, seed, grid, sampling);
  }

  Job seed(long changed) {
    return new Job(target, anchor, augmentation, objective, training, changed, grid, sampling);
  }
}
