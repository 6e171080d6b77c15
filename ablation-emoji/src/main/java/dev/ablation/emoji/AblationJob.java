package dev.ablation.emoji;

import dev.ablation.Ablation;
import dev.ablation.Ablator;
import dev.ablation.augment.Augmentation;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.GradientTrainer;
import java.util.List;
import java.util.stream.Collectors;

/**
 * An ablation and the images that show what it did.
 *
 * @param removals what is removed, at least one
 * @param augmentation how anchor images are changed in training
 * @param objective the loss
 * @param weights what is trained
 * @param training steps, batch, learning rate
 * @param seed of the run; the compared images are drawn from it too
 * @param grid prompts to draw before and after
 * @param sampling how these are drawn
 */
public record AblationJob(
    List<TargetAndAnchor> removals,
    Augmentation augmentation,
    AblationObjective objective,
    WeightGroup weights,
    GradientTrainer training,
    long seed,
    ImageGrid grid,
    SamplingSettings sampling) {

  public AblationJob {
    removals = List.copyOf(removals);
  }

  public Ablation plan(DiffusionModel model) {
    TargetAndAnchor first = removals.get(0);
    Ablation plan =
        Ablator.of(model).target(first.target()).anchor(first.anchor().augmented(augmentation));
    for (TargetAndAnchor next : removals.subList(1, removals.size())) {
      plan = plan.andTarget(next.target()).anchor(next.anchor().augmented(augmentation));
    }
    return plan.objective(objective).weights(weights).trainer(training).seed(seed);
  }

  /** Such as {@code "style 'blueprint' and instance 'a cat face'"}. */
  public String targets() {
    return removals.stream()
        .map(removal -> removal.target().toString())
        .collect(Collectors.joining(" and the "));
  }

  /** Such as {@code "twemoji and an animal"}. */
  public String anchors() {
    return removals.stream()
        .map(removal -> removal.anchor().name())
        .collect(Collectors.joining(" and "));
  }

  /** How many anchor images there are in all. */
  public int images() {
    return removals.stream().mapToInt(removal -> removal.anchor().images()).sum();
  }

  public AblationJob with(List<TargetAndAnchor> changed, ImageGrid shown, GradientTrainer trainer) {
    return new AblationJob(
        changed, augmentation, objective, weights, trainer, seed, shown, sampling);
  }

  public AblationJob images(int images) {
    List<TargetAndAnchor> changed =
        removals.stream()
            .map(removal -> new TargetAndAnchor(removal.target(), removal.anchor().images(images)))
            .toList();
    return new AblationJob(
        changed, augmentation, objective, weights, training, seed, grid, sampling);
  }

  public AblationJob training(GradientTrainer changed) {
    return new AblationJob(
        removals, augmentation, objective, weights, changed, seed, grid, sampling);
  }

  public AblationJob seed(long changed) {
    return new AblationJob(
        removals, augmentation, objective, weights, training, changed, grid, sampling);
  }

  public AblationJob sampling(SamplingSettings changed) {
    return new AblationJob(
        removals, augmentation, objective, weights, training, seed, grid, changed);
  }
}
