package dev.ablation.attack;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.DiffusionModel;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Draws the target's prompts by DDIM with ever more fresh noise (Lu et al. 2025, arXiv 2505.17013,
 * "noise-based probing"), on a grid of eta and of a further scale of the noise. Unlike {@link
 * NoiseAttack} it lets the variance exceed the process's. For each image the first cell of the grid
 * counts with which the target shows.
 *
 * @param etas shares of fresh noise, at least one; published are 1 to 1.85
 * @param scales factors of the fresh noise, at least one; published are 1 to 1.04
 * @param prompts that draw the target
 * @param trial settings for drawing and counting images; its sampler is not used
 */
@CheckReturnValue
public record NoiseSweep(
    List<Double> etas, List<Double> scales, List<String> prompts, AttackSettings trial)
    implements Attack {
  private static final List<Double> ETAS = List.of(1.0, 1.17, 1.34, 1.51, 1.68, 1.85);
  private static final List<Double> SCALES = List.of(1.0, 1.02, 1.03, 1.04);

  /** Copies the lists and checks the values. */
  public NoiseSweep {
    etas = List.copyOf(etas);
    scales = List.copyOf(scales);
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(trial, "trial");
    checkPositive("etas", etas);
    checkPositive("scales", scales);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
  }

  /**
   * Sweeps the published grid of 24 cells.
   *
   * @param prompts that draw the target
   * @param trial settings for drawing and counting images
   * @return the attack
   */
  public static NoiseSweep published(List<String> prompts, AttackSettings trial) {
    return new NoiseSweep(ETAS, SCALES, prompts, trial);
  }

  static void checkPositive(String name, List<Double> values) {
    Preconditions.checkArgument(!values.isEmpty(), "%s must not be empty", name);
    for (double value : values) {
      Preconditions.checkArgument(
          value > 0 && Double.isFinite(value), "%s must be positive, one was %s", name, value);
    }
  }

  @Override
  public String name() {
    return "best of %d noises".formatted(etas.size() * scales.size());
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial
        .walking(trial.sampling().steps())
        .times((long) models * etas.size() * scales.size());
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("etas", etas.toString());
    settings.put("scales", scales.toString());
    settings.put("prompts", String.join(" | ", prompts));
    List<String> asked = trial.inTurn(prompts);
    return trial.compare(
        "extra noise",
        name(),
        settings,
        asked,
        models,
        cancelled,
        attacked ->
            trial.bestOf(
                etas.size() * scales.size(),
                (cell, images) -> {
                  attacked.step("noise", cell + 1, etas.size() * scales.size());
                  return trial
                      .walk(attacked)
                      .images(images)
                      .eta(etas.get(cell % etas.size()), scales.get(cell / etas.size()))
                      .draw(Arrays.stream(images).mapToObj(asked::get).toList());
                }));
  }
}
