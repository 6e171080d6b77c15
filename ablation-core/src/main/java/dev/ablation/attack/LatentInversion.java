package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.attack.AttackSettings.Attacked;
import dev.ablation.attack.DdimWalk.Level;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.internal.EngineArrays;
import dev.ablation.model.AdamW;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Searches, with the weights under attack and without any text, the noise from which the model
 * draws an image of the target (TINA): runs DDIM backwards with the empty prompt and, at every
 * step, improves the noised latents by gradients until the step forwards leads where it came from.
 * A model that finds its way back to the target still has it, or has learned images so well that it
 * finds any: compare with a control.
 *
 * @param originals images of the target, of the model's size, at least one
 * @param steps of DDIM, positive; published are 50
 * @param iterations of the optimiser at each step, not negative; published are 25, and 0 is plain
 *     DDIM inversion
 * @param learningRate of AdamW, positive; published is 1e-3
 * @param trial settings for drawing and counting images; its sampler, steps and guidance are not
 *     used
 */
@CheckReturnValue
public record LatentInversion(
    List<BufferedImage> originals,
    int steps,
    int iterations,
    double learningRate,
    AttackSettings trial)
    implements Attack {
  private static final AdamW ADAM = AdamW.reference();

  /** Copies the list and checks the values. */
  public LatentInversion {
    originals = List.copyOf(originals);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Preconditions.checkArgument(
        iterations >= 0, "iterations must not be negative, was %s", iterations);
    Preconditions.checkArgument(
        learningRate > 0 && Double.isFinite(learningRate),
        "learningRate must be positive, was %s",
        learningRate);
  }

  /**
   * Makes the attack as published: 50 steps, 25 iterations, 1e-3.
   *
   * @param originals images of the target, of the model's size, at least one
   * @param trial settings for drawing and counting images
   * @return the attack
   */
  public static LatentInversion published(List<BufferedImage> originals, AttackSettings trial) {
    return new LatentInversion(originals, 50, 25, 1e-3, trial);
  }

  @Override
  public String name() {
    return "latents found by inversion, %d steps of %d".formatted(steps, iterations);
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    LatentImages.check(model, originals);
    Capabilities.require(model, InputDifferentiable.class, "latent inversion");
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return AttackCost.forward(2L * trial.images() * steps)
        .plus(new AttackCost(0, (long) trial.images() * steps * iterations, 0))
        .times(models);
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("originals", Integer.toString(originals.size()));
    settings.put("iterations", Integer.toString(iterations));
    settings.put("learning rate", Double.toString(learningRate));
    List<String> asked = Collections.nCopies(trial.images(), "");
    List<BufferedImage> inTurn = trial.inTurn(originals);
    SamplingSettings plain =
        new SamplingSettings(
            trial.sampling().sampler(), steps, 1.0, "", trial.sampling().batchSize());
    return trial
        .sampling(plain)
        .compare(
            "latent inversion",
            name(),
            settings,
            asked,
            models,
            cancelled,
            attacked -> {
              try (NDManager scope = attacked.model().newScope()) {
                NDArray found = inverted(attacked, inTurn, scope);
                return trial.sampling(plain).walk(attacked).drawFrom(asked, found);
              }
            });
  }

  private NDArray inverted(Attacked attacked, List<BufferedImage> images, NDManager scope) {
    int batch = trial.sampling().batchSize();
    NDList parts = new NDList();
    for (int from = 0; from < images.size(); from += batch) {
      List<BufferedImage> some = images.subList(from, Math.min(images.size(), from + batch));
      try (NDManager of = attacked.model().newScope()) {
        NDArray clean = LatentImages.of(attacked.model(), some, batch, of);
        NDArray found = inverted(attacked, clean, of);
        found.attach(scope);
        parts.add(found);
      }
    }
    return parts.size() == 1 ? parts.get(0) : NDArrays.concat(parts, 0);
  }

  private NDArray inverted(Attacked attacked, NDArray clean, NDManager scope) {
    DiffusionModel model = attacked.model();
    NoiseSchedule schedule = model.schedule();
    double[] times = schedule.descendingTimes(1, steps);
    int count = Math.toIntExact(clean.getShape().get(0));
    Conditioning empty =
        model.encode(Collections.nCopies(count, ""), model.descriptor().latentSize(), scope);
    NDArray latents = EngineArrays.copy(clean, scope);
    Level before = new Level(1, 0, Double.NaN);
    for (int i = times.length - 1; i >= 0; i--) {
      attacked.step("inversion step", times.length - i, times.length);
      Level level = new Level(schedule.alpha(times[i]), schedule.sigma(times[i]), times[i]);
      try (NDManager step = scope.newSubManager()) {
        latents.attach(step);
        latents = new Step(model, empty, before, level).noised(latents, step);
        latents.attach(scope);
      }
      before = level;
    }
    return latents;
  }

  /** One step of DDIM backwards, from {@code before} to the noisier {@code level}. */
  final class Step {
    private final DiffusionModel model;
    private final Conditioning empty;
    private final Level level;
    private final double ofLatents;
    private final double ofNoise;

    Step(DiffusionModel model, Conditioning empty, Level before, Level level) {
      this.model = model;
      this.empty = empty;
      this.level = level;
      // DDIM's step, solved for the noisier latents: with C1 and C2 of the paper's equation.
      ofLatents = level.alpha() / before.alpha();
      ofNoise = level.sigma() - level.alpha() * before.sigma() / before.alpha();
    }

    NDArray noised(NDArray from, NDManager scope) {
      NDArray found = target(from, from, scope);
      found = EngineArrays.copy(found, scope);
      NDArray first = found.zerosLike();
      NDArray second = found.zerosLike();
      InputDifferentiable gradients =
          Capabilities.require(model, InputDifferentiable.class, "latent inversion");
      for (int k = 1; k <= iterations; k++) {
        try (NDManager one = scope.newSubManager()) {
          NDArray input = EngineArrays.copy(found, one);
          NDArray gradient =
              gradients.gradient(input, latents -> residual(from, latents, one)).first();
          gradient.attach(one);
          ADAM.update(found, gradient, first, second, learningRate, k);
        }
      }
      return found;
    }

    /** The squared distance between the latents and where the noise in them came from. */
    NDArray residual(NDArray from, NDArray latents, NDManager scope) {
      return target(from, latents, scope).sub(latents).square().mean();
    }

    private NDArray target(NDArray from, NDArray latents, NDManager scope) {
      double[] times = new double[Math.toIntExact(latents.getShape().get(0))];
      Arrays.fill(times, level.time());
      NDArray at = EngineArrays.copy(model.schedule().toArray(times, scope), scope);
      NDArray output = model.predict(latents, at, empty);
      PredictionType type = model.predictionType();
      NDArray clean =
          latents
              .mul(type.sampleWeight(level.alpha(), level.sigma()))
              .add(output.mul(type.predictionWeight(level.alpha(), level.sigma())));
      NDArray noise = latents.sub(clean.mul(level.alpha())).div(level.sigma());
      return noise.mul(ofNoise).add(from.mul(ofLatents));
    }
  }
}
