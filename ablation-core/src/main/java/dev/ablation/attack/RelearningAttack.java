package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.attack.AttackSettings.Attacked;
import dev.ablation.evaluation.Attack;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.AttackModels;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.model.AdamW;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.TimestepWeighting;
import dev.ablation.sample.LatentSampler;
import dev.ablation.train.InversionStep;
import java.awt.image.BufferedImage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Fine-tunes the model and asks for the target by name. On images of the target (harmful) it tells
 * how fast the model learns again what was removed, as against a model that never knew it; on
 * unrelated images (benign) whether the removal survives what every user does.
 *
 * @param name such as {@code "harmful fine-tuning"}
 * @param examples images of the model's size and prompts that describe them; at least one
 * @param budget steps, learning rate and which weights
 * @param prompts that draw the target
 * @param trial settings for drawing and counting images
 */
@CheckReturnValue
public record RelearningAttack(
    String name,
    List<DescribedImage> examples,
    Budget budget,
    List<String> prompts,
    AttackSettings trial)
    implements Attack {
  private static final double MAX_NORM = 1;

  /** Copies the lists and checks the values. */
  public RelearningAttack {
    examples = List.copyOf(examples);
    prompts = List.copyOf(prompts);
    Objects.requireNonNull(budget, "budget");
    Objects.requireNonNull(trial, "trial");
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    Preconditions.checkArgument(!examples.isEmpty(), "examples must not be empty");
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts must not be empty");
  }

  /**
   * How the model is fine-tuned.
   *
   * @param steps positive; published are 50 to 500
   * @param batchSize images in a step, positive
   * @param learningRate of AdamW, positive; published is 1e-5 for whole models of the size of
   *     Stable Diffusion
   * @param weights which weights train, such as {@link WeightGroup#denoiser()}
   * @param lora rank and scale of low-rank changes; {@code null} trains the weights themselves
   */
  public record Budget(
      int steps, int batchSize, double learningRate, WeightGroup weights, @Nullable Lora lora) {

    /** Checks the ranges. */
    public Budget {
      Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
      Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
      Preconditions.checkArgument(
          learningRate > 0 && Double.isFinite(learningRate),
          "learningRate must be positive, was %s",
          learningRate);
      Objects.requireNonNull(weights, "weights");
    }
  }

  @Override
  public void check(DiffusionModel model) {
    trial.check(model);
    LatentImages.check(model, examples.stream().map(DescribedImage::image).toList());
    if (budget.lora() == null) {
      Capabilities.require(model, Differentiable.class, name);
    } else {
      Capabilities.require(model, LoraTraining.class, name);
    }
    Preconditions.checkArgument(
        !weights(model).isEmpty(),
        "weights '%s' must be some that can be fine-tuned, the model has none",
        budget.weights().name());
  }

  private List<String> weights(DiffusionModel model) {
    return model.weights().list().stream()
        .filter(budget.weights().test())
        .map(WeightInfo::name)
        .filter(weight ->
            budget.lora() == null
                || Capabilities.require(model, LoraTraining.class, name).hasLowRankForm(weight))
        .toList();
  }

  private TrainingSession session(DiffusionModel model) {
    GradientOptions options = new GradientOptions(false);
    Lora lora = budget.lora();
    return lora == null
        ? Capabilities.require(model, Differentiable.class, name).train(weights(model), options)
        : Capabilities.require(model, LoraTraining.class, name)
            .train(weights(model), lora, trial.seed(), options);
  }

  @Override
  public AttackCost cost(DiffusionModel model, int models) {
    return trial
        .drawing(model)
        .plus(new AttackCost(0, (long) budget.steps() * budget.batchSize(), 0))
        .times(models);
  }

  @Override
  public AttackResult run(AttackModels models, BooleanSupplier cancelled) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("examples", Integer.toString(examples.size()));
    settings.put("training steps", Integer.toString(budget.steps()));
    settings.put("training batch size", Integer.toString(budget.batchSize()));
    settings.put("learning rate", Double.toString(budget.learningRate()));
    settings.put("weights", budget.weights().name());
    Lora lora = budget.lora();
    settings.put("low rank", lora == null ? "no" : lora.toString());
    settings.put("prompts", String.join(" | ", prompts));
    List<String> asked = trial.inTurn(prompts);
    return trial.compare(
        "fine-tuning", name, settings, asked, models, cancelled, attacked -> draw(attacked, asked));
  }

  private List<BufferedImage> draw(Attacked attacked, List<String> asked) {
    DiffusionModel model = attacked.model();
    try (NDManager scope = model.newScope();
        TrainingSession session = session(model)) {
      List<BufferedImage> images = examples.stream().map(DescribedImage::image).toList();
      NDArray clean =
          session.withoutGradients(
              () -> LatentImages.of(model, images, trial.sampling().batchSize(), scope));
      DenoisingLoss loss =
          new DenoisingLoss(
              model,
              examples,
              clean,
              budget.batchSize(),
              new InversionStep(
                  budget.learningRate(),
                  model.schedule().timestepSampling(),
                  TimestepWeighting.uniform()),
              new DenoisingLoss.Choices(trial.seed(), "fine-tuning"));
      Optimizer optimizer = session.optimizer(AdamW.reference());
      for (int step = 1; step <= budget.steps(); step++) {
        attacked.step("training step", step, budget.steps());
        try (NDManager one = model.newScope()) {
          int at = step;
          Gradients gradients = session.gradients(() -> loss.at(at, one), one);
          optimizer.step(gradients.values(), budget.learningRate(), MAX_NORM);
        }
      }
      return session.withoutGradients(() ->
          LatentSampler.of(model)
              .settings(trial.sampling())
              .cancellation(attacked.cancelled())
              .draw(asked, trial.seed()));
    }
  }
}
