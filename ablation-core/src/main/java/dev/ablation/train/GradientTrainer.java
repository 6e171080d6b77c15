package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.AdamW;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightInfo;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Fine-tuning by gradient descent, as in the paper: in every step the loss of a batch, its
 * gradient, clipping to a total norm, AdamW with a constant learning rate. The settings are the
 * fields; every method returns a changed copy.
 *
 * {@snippet class="dev.ablation.Snippets" region="gradient-trainer"}
 *
 * @param steps how many updates, positive
 * @param batchSize B, pairs in a step, positive
 * @param learningRate effective learning rate of AdamW, positive
 * @param maxGradientNorm gradients are scaled down to this total 2-norm; infinity does not clip
 * @param optimizer settings of AdamW
 * @param stopStartToken whether key and value of the start token carry no gradient in
 *     cross-attention, as in the reference
 * @param decayOtherRows whether weight decay also shrinks the rows of a partly trained weight that
 *     are not trained, as in the reference; only to reproduce it
 * @param lora trains low-rank changes of the weights in place of the weights; empty trains them
 *     themselves
 */
public record GradientTrainer(
    int steps,
    int batchSize,
    double learningRate,
    double maxGradientNorm,
    AdamW optimizer,
    boolean stopStartToken,
    boolean decayOtherRows,
    Optional<Lora> lora)
    implements Trainer {

  /** Checks the ranges. */
  public GradientTrainer {
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
    Preconditions.checkArgument(
        learningRate > 0 && Double.isFinite(learningRate),
        "learningRate must be positive and finite, was %s",
        learningRate);
    Preconditions.checkArgument(
        maxGradientNorm > 0, "maxGradientNorm must be positive, was %s", maxGradientNorm);
    Objects.requireNonNull(optimizer, "optimizer");
    Objects.requireNonNull(lora, "lora");
  }

  /**
   * Creates settings that leave untrained rows as they are.
   *
   * @param steps how many updates, positive
   * @param batchSize B, pairs in a step, positive
   * @param learningRate effective learning rate of AdamW, positive
   * @param maxGradientNorm gradients are scaled down to this total 2-norm; infinity does not clip
   * @param optimizer settings of AdamW
   * @param stopStartToken whether the start token carries no gradient in cross-attention
   */
  public GradientTrainer(
      int steps,
      int batchSize,
      double learningRate,
      double maxGradientNorm,
      AdamW optimizer,
      boolean stopStartToken) {
    this(
        steps,
        batchSize,
        learningRate,
        maxGradientNorm,
        optimizer,
        stopStartToken,
        false,
        Optional.empty());
  }

  /**
   * {@return the reference's settings for a style: 100 steps of 8 pairs, learning rate 1.6e-5, norm
   * 1}
   */
  public static GradientTrainer defaults() {
    return new GradientTrainer(100, 8, 1.6e-5, 1, AdamW.reference(), true);
  }

  /**
   * Changes the number of steps.
   *
   * @param steps positive
   * @return a changed copy
   */
  public GradientTrainer steps(int steps) {
    return changed(draft -> draft.steps = steps);
  }

  /**
   * Changes the batch size.
   *
   * @param batchSize positive
   * @return a changed copy
   */
  public GradientTrainer batchSize(int batchSize) {
    return changed(draft -> draft.batchSize = batchSize);
  }

  /**
   * Changes the learning rate.
   *
   * @param learningRate positive
   * @return a changed copy
   */
  public GradientTrainer learningRate(double learningRate) {
    return changed(draft -> draft.learningRate = learningRate);
  }

  /**
   * Changes the norm that gradients are clipped to.
   *
   * @param maxGradientNorm positive; infinity does not clip
   * @return a changed copy
   */
  public GradientTrainer maxGradientNorm(double maxGradientNorm) {
    return changed(draft -> draft.maxGradientNorm = maxGradientNorm);
  }

  /**
   * Changes the optimiser's settings.
   *
   * @param optimizer settings of AdamW
   * @return a changed copy
   */
  public GradientTrainer optimizer(AdamW optimizer) {
    return changed(draft -> draft.optimizer = optimizer);
  }

  /**
   * Changes whether the start token carries gradients.
   *
   * @param stopStartToken {@code true} is the reference's
   * @return a changed copy
   */
  public GradientTrainer stopStartToken(boolean stopStartToken) {
    return changed(draft -> draft.stopStartToken = stopStartToken);
  }

  /**
   * Changes whether weight decay shrinks rows that are not trained.
   *
   * @param decayOtherRows {@code true} only to reproduce the reference
   * @return a changed copy
   */
  public GradientTrainer decayOtherRows(boolean decayOtherRows) {
    return changed(draft -> draft.decayOtherRows = decayOtherRows);
  }

  /**
   * Trains low-rank changes of the chosen weights, which stay as they are. Of a group only linear
   * maps and convolutions are changed; its biases and normalisations, which have no low-rank form,
   * keep their values, and a warning names them. The published learning rates are those of whole
   * weights; low-rank changes need larger ones, about 1e-4.
   *
   * {@snippet class="dev.ablation.Snippets" region="lora"}
   *
   * @param lora rank, alpha and start
   * @return a changed copy
   */
  public GradientTrainer lora(Lora lora) {
    return changed(draft -> draft.lora = Optional.of(lora));
  }

  @Override
  public List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    return lora.isEmpty() ? List.of() : LowRankChoice.of(model, weights).problems();
  }

  @Override
  public Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put("training.steps", Integer.toString(steps));
    settings.put("training.batchSize", Integer.toString(batchSize));
    settings.put("training.learningRate", Double.toString(learningRate));
    settings.put("training.maxGradientNorm", Double.toString(maxGradientNorm));
    settings.put("training.stopStartToken", Boolean.toString(stopStartToken));
    settings.put("training.decayOtherRows", Boolean.toString(decayOtherRows));
    settings.put("training.optimizer", optimizer.toString());
    settings.put("training.lora", lora.map(Lora::toString).orElse("none"));
    return settings;
  }

  @Override
  public TrainingResult train(TrainingTask task) {
    long start = System.nanoTime();
    try (TrainingSession session = open(task);
        TextStates texts = TextStates.of(task.model(), task.weights())) {
      Optimizer adamW = session.optimizer(optimizer);
      List<TrainingResult.Step> history = new ArrayList<>();
      for (int step = 1; step <= steps; step++) {
        task.checkCancelled();
        TrainingResult.Step made = makeStep(task, session, adamW, texts, step);
        history.add(made);
        task.emit(
            new AblationEvent.StepCompleted(
                step,
                steps,
                made.loss(),
                made.gradientNorm(),
                Duration.ofNanos(System.nanoTime() - start)));
      }
      return new TrainingResult(copies(session, task.resultScope()), history);
    }
  }

  private TrainingSession open(TrainingTask task) {
    GradientOptions options = new GradientOptions(stopStartToken, task.rows(), decayOtherRows);
    if (lora.isPresent()) {
      LowRankChoice choice = LowRankChoice.of(task.model(), task.weights());
      choice.warning().ifPresent(warning -> task.emit(new AblationEvent.Warning(warning)));
      return choice.train(lora.get(), task.seed(), options);
    }
    return Capabilities.require(task.model(), Differentiable.class, "gradient training")
        .train(task.weights().stream().map(WeightInfo::name).toList(), options);
  }

  private TrainingResult.Step makeStep(
      TrainingTask task, TrainingSession session, Optimizer adamW, TextStates texts, int step) {
    try (NDManager scope = task.model().manager().newSubManager()) {
      TrainingStep context = TrainingStep.draw(task, session, texts, step, batchSize, scope);
      Gradients gradients = session.gradients(() -> task.objective().loss(context), scope);
      if (!Double.isFinite(gradients.loss())) {
        throw new TrainingDivergedException(step, gradients.loss(), Double.NaN, learningRate);
      }
      double norm = adamW.step(gradients.values(), learningRate, maxGradientNorm);
      if (!Double.isFinite(norm)) {
        throw new TrainingDivergedException(step, gradients.loss(), norm, learningRate);
      }
      return new TrainingResult.Step(gradients.loss(), norm);
    }
  }

  private static Map<String, NDArray> copies(TrainingSession session, NDManager owner) {
    Map<String, NDArray> copies = new LinkedHashMap<>();
    for (int i = 0; i < session.names().size(); i++) {
      NDArray weight = session.weights().get(i);
      NDArray copy = session.withoutGradients(() -> weight.duplicate());
      copy.attach(owner);
      copies.put(session.names().get(i), copy);
    }
    return copies;
  }

  private GradientTrainer changed(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return new GradientTrainer(
        draft.steps,
        draft.batchSize,
        draft.learningRate,
        draft.maxGradientNorm,
        draft.optimizer,
        draft.stopStartToken,
        draft.decayOtherRows,
        draft.lora);
  }

  /** The settings while one of them is changed. */
  private static final class Draft {
    private int steps;
    private int batchSize;
    private double learningRate;
    private double maxGradientNorm;
    private AdamW optimizer;
    private boolean stopStartToken;
    private boolean decayOtherRows;
    private Optional<Lora> lora;

    Draft(GradientTrainer from) {
      steps = from.steps;
      batchSize = from.batchSize;
      learningRate = from.learningRate;
      maxGradientNorm = from.maxGradientNorm;
      optimizer = from.optimizer;
      stopStartToken = from.stopStartToken;
      decayOtherRows = from.decayOtherRows;
      lora = from.lora;
    }
  }
}
