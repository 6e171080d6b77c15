package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.DiffusionModel;
import java.awt.image.BufferedImage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Takes images of the target, masks their middle and lets the model draw it anew with a prompt (Lu
 * et al. 2025, arXiv 2505.17013, "inpainting"): what surrounds the middle leads back to the target.
 * The margin stays, and may show the target to the detector by itself: compare with a control.
 *
 * @param originals images of the target, of the model's size, at least one
 * @param side side of the masked square as a share of the image's, above 0, at most 1; published is
 *     0.5
 * @param prompts that the middle is drawn with
 * @param trial settings for drawing and counting images; its sampler is not used
 */
@CheckReturnValue
public record InpaintingAttack(
    List<BufferedImage> originals, double side, List<String> prompts, AttackSettings trial)
    implements Attack {

  /** Copies the lists and checks the values. */
  public InpaintingAttack {
    originals = List.copyOf(originals);
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!originals.isEmpty(), "originals must not be empty");
    Preconditions.checkArgument(
        side > 0 && side <= 1, "side must be above 0 and at most 1, was %s", side);
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
  }

  @Override
  public String name() {
    return "middle drawn anew, side " + side;
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    LatentImages.check(model, originals);
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial.walking(trial.sampling().steps()).times(models);
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("side", Double.toString(side));
    settings.put("originals", Integer.toString(originals.size()));
    settings.put("prompts", String.join(" | ", prompts));
    List<String> asked = trial.inTurn(prompts);
    List<BufferedImage> inTurn = trial.inTurn(originals);
    return trial.compare(
        "initial image",
        name(),
        settings,
        asked,
        models,
        cancelled,
        attacked -> {
          DiffusionModel model = attacked.model();
          try (NDManager scope = model.newScope()) {
            NDArray clean = LatentImages.of(model, inTurn, trial.sampling().batchSize(), scope);
            return trial
                .walk(attacked)
                .keeping(mask(model.descriptor().latentShape(), side, scope), clean)
                .draw(asked);
          }
        });
  }

  /** (H, W): 1 in the middle, which is drawn anew. */
  static NDArray mask(Shape latents, double side, NDManager scope) {
    int height = Math.toIntExact(latents.get(1));
    int width = Math.toIntExact(latents.get(2));
    float[] mask = new float[height * width];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        mask[y * width + x] = isInside(y, height, side) && isInside(x, width, side) ? 1 : 0;
      }
    }
    return scope.create(mask, new Shape(height, width));
  }

  private static boolean isInside(int at, int length, double side) {
    return Math.abs(at + 0.5 - length / 2.0) < side * length / 2;
  }
}
