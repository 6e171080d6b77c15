package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.stream.DoubleStream;

/**
 * Trains a small classifier of noised latents on images of the target and others, and draws guided
 * by its gradient (Dhariwal and Nichol 2021, arXiv 2105.05233, algorithm 2; against erased
 * concepts, Lu et al. 2025, arXiv 2505.17013). Unlike {@link GuidanceAttack} it needs no evaluator
 * and its gradient is that of the noised latents, from the first step on. For each image the first
 * scale counts with which the target shows.
 *
 * @param originals images of the target, of the model's size, at least one
 * @param others images of anything else, at least one
 * @param scales of the gradient, positive, at least one; published are 25 to 193
 * @param trainingSteps of the classifier, positive
 * @param prompts that are drawn; they need not name the target
 * @param trial settings for drawing and counting images; its sampler is not used
 */
@CheckReturnValue
public record ClassifierGuidance(
    List<BufferedImage> originals,
    List<BufferedImage> others,
    List<Double> scales,
    int trainingSteps,
    List<String> prompts,
    AttackSettings trial)
    implements Attack {
  private static final int BATCH = 32;
  private static final double RATE = 2e-3;

  /** Copies the lists and checks the values. */
  public ClassifierGuidance {
    originals = List.copyOf(originals);
    others = List.copyOf(others);
    scales = List.copyOf(scales);
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(!others.isEmpty(), "others must not be empty");
    NoiseSweep.checkPositive("scales", scales);
    Preconditions.checkArgument(
        trainingSteps > 0, "trainingSteps must be positive, was %s", trainingSteps);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
  }

  /** {@return the published scales: 25 to 193 in steps of 7} */
  public static List<Double> publishedScales() {
    return DoubleStream.iterate(25, scale -> scale <= 193, scale -> scale + 7).boxed().toList();
  }

  @Override
  public String name() {
    return "guided by a classifier of latents, best of %d scales".formatted(scales.size());
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    Capabilities.require(model, InputDifferentiable.class, "guidance by a classifier");
    LatentImages.check(model, originals);
    LatentImages.check(model, others);
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial.walking(trial.sampling().steps()).times((long) models * scales.size());
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    long begun = System.nanoTime();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("originals", Integer.toString(originals.size()));
    settings.put("others", Integer.toString(others.size()));
    settings.put("scales", scales.toString());
    settings.put("classifier steps", Integer.toString(trainingSteps));
    settings.put("prompts", String.join(" | ", prompts));
    List<String> asked = trial.inTurn(prompts);
    DiffusionModel base = models.base();
    int batch = trial.sampling().batchSize();
    try (NDManager scope = base.newScope()) {
      LatentClassifier classifier =
          LatentClassifier.trained(
              base.schedule(),
              Capabilities.require(base, InputDifferentiable.class, "guidance by a classifier"),
              LatentImages.of(base, originals, batch, scope),
              LatentImages.of(base, others, batch, scope),
              new LatentClassifier.Training(trainingSteps, BATCH, RATE, trial.seed()),
              scope,
              cancelled);
      AttackResult result =
          trial.compare(
              "evaluator's guidance",
              name(),
              settings,
              asked,
              models,
              cancelled,
              attacked ->
                  trial.bestOf(
                      scales.size(),
                      (index, images) -> {
                        attacked.step("scale", index + 1, scales.size());
                        return trial
                            .walk(attacked)
                            .images(images)
                            .guide((latents, clean, level) -> {
                              NDArray up = classifier.gradient(latents, level.time());
                              return up.muli(scales.get(index) * level.sigma());
                            })
                            .draw(Arrays.stream(images).mapToObj(asked::get).toList());
                      }));
      return AttackSettings.since(begun, result);
    }
  }
}
