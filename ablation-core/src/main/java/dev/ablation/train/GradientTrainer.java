package dev.ablation.train;

import com.google.common.base.Preconditions;
import com.google.common.collect.ImmutableList;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.AdamW;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.WeightInfo;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Fine-tuning by gradient descent, as in the paper: in every step the loss of a batch, its
 * gradient, clipping to a total norm, AdamW. The settings are the fields; every method returns a
 * changed copy.
 *
 * {@snippet class="dev.ablation.Snippets" region="gradient-trainer"}
 *
 * @param steps how many updates, positive
 * @param batchSize B, pairs that go through the network together, positive
 * @param accumulation how many batches a step averages its gradient over, positive: a step sees
 *     {@code batchSize * accumulation} pairs, the same ones as a single batch of that size, in the
 *     memory of a small one
 * @param learningRate effective learning rate of AdamW, positive
 * @param schedule how the learning rate changes over the steps
 * @param maxGradientNorm gradients are scaled down to this total 2-norm; infinity does not clip
 * @param optimizer settings of AdamW
 * @param stopStartToken whether key and value of the start token carry no gradient in
 *     cross-attention, as in the reference
 * @param decayOtherRows whether weight decay also shrinks the rows of a partly trained weight that
 *     are not trained, as in the reference; only to reproduce it
 * @param monitors look at training after its steps, one after the other, and may stop it
 * @param lora trains low-rank changes of the weights in place of the weights; empty trains them
 *     themselves
 */
public record GradientTrainer(
    int steps,
    int batchSize,
    int accumulation,
    double learningRate,
    LearningRateSchedule schedule,
    double maxGradientNorm,
    AdamW optimizer,
    boolean stopStartToken,
    boolean decayOtherRows,
    List<TrainingMonitor> monitors,
    Optional<Lora> lora)
    implements Trainer {

  /** Checks the ranges. */
  public GradientTrainer {
    Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
    Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
    Preconditions.checkArgument(
        accumulation > 0, "accumulation must be positive, was %s", accumulation);
    Math.multiplyExact(batchSize, accumulation);
    Preconditions.checkArgument(
        learningRate > 0 && Double.isFinite(learningRate),
        "learningRate must be positive and finite, was %s",
        learningRate);
    Preconditions.checkArgument(
        maxGradientNorm > 0, "maxGradientNorm must be positive, was %s", maxGradientNorm);
    Objects.requireNonNull(schedule, "schedule");
    Objects.requireNonNull(optimizer, "optimizer");
    monitors = List.copyOf(monitors);
    Objects.requireNonNull(lora, "lora");
  }

  /**
   * Creates settings with one batch a step and a constant learning rate, which leave untrained rows
   * as they are.
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
        1,
        learningRate,
        LearningRateSchedule.constant(),
        maxGradientNorm,
        optimizer,
        stopStartToken,
        false,
        List.of(),
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
   * Changes the number of batches whose gradients are averaged in a step.
   *
   * @param accumulation positive
   * @return a changed copy
   */
  public GradientTrainer accumulation(int accumulation) {
    return changed(draft -> draft.accumulation = accumulation);
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
   * Changes how the learning rate changes over the steps.
   *
   * @param schedule such as {@code LearningRateSchedule.cosine(10, 0)}
   * @return a changed copy
   */
  public GradientTrainer schedule(LearningRateSchedule schedule) {
    return changed(draft -> draft.schedule = schedule);
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
    if (lora.isEmpty()) {
      return List.of();
    }
    if (model.capability(LoraTraining.class).isEmpty()) {
      return List.of(
          "model '%s' cannot train low-rank changes".formatted(model.descriptor().name()));
    }
    return LoraChoice.of(model, weights).problems();
  }

  /**
   * Adds a monitor, which looks after those added before.
   *
   * @param monitor measures, stops, or keeps the best weights
   * @return a changed copy
   */
  public GradientTrainer monitor(TrainingMonitor monitor) {
    List<TrainingMonitor> more =
        ImmutableList.<TrainingMonitor>builder().addAll(monitors).add(monitor).build();
    return changed(draft -> draft.monitors = more);
  }

  /**
   * Measures a value of the model under training every few steps, for the result, for listeners and
   * for rules that are added later.
   *
   * @param value its name
   * @param everySteps at every which step, positive; at the last one always
   * @param metric measures the model
   * @return a changed copy
   */
  public GradientTrainer measure(String value, int everySteps, ModelMetric metric) {
    return monitor(TrainingMonitor.measuring(value, everySteps, metric));
  }

  /**
   * Stops training where a rule holds.
   *
   * {@snippet class="dev.ablation.Snippets" region="stop-when"}
   *
   * @param reason for provenance and result; another rule needs another reason
   * @param rule looks after every step
   * @return a changed copy
   */
  public GradientTrainer stopWhen(String reason, Predicate<TrainingProgress> rule) {
    return monitor(TrainingMonitor.stoppingWhen(reason, rule));
  }

  /** {@return how many pairs a step sees: batchSize * accumulation} */
  public int pairsPerStep() {
    return batchSize * accumulation;
  }

  /** Without monitors, which may stop it or take long. */
  @Override
  public Optional<Trainer> sample(int steps) {
    return Optional.of(
        changed(draft -> {
          draft.steps = steps;
          draft.schedule = LearningRateSchedule.constant();
          draft.monitors = List.of();
        }));
  }

  @Override
  public Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put("training.steps", Integer.toString(steps));
    settings.put("training.batchSize", Integer.toString(batchSize));
    settings.put("training.accumulation", Integer.toString(accumulation));
    settings.put("training.learningRate", Double.toString(learningRate));
    settings.put("training.schedule", schedule.name());
    settings.put("training.maxGradientNorm", Double.toString(maxGradientNorm));
    settings.put("training.stopStartToken", Boolean.toString(stopStartToken));
    settings.put("training.decayOtherRows", Boolean.toString(decayOtherRows));
    settings.put("training.optimizer", optimizer.toString());
    settings.put(
        "training.monitors",
        monitors.isEmpty()
            ? "none"
            : monitors.stream().map(TrainingMonitor::name).collect(Collectors.joining("; ")));
    settings.put("training.lora", lora.map(Lora::toString).orElse("none"));
    return settings;
  }

  @Override
  public TrainingResult train(TrainingTask task) {
    try (TrainingSession session = open(task);
        GradientRun run = new GradientRun(this, task, session)) {
      return run.toTheEnd();
    }
  }

  private TrainingSession open(TrainingTask task) {
    GradientOptions options = new GradientOptions(stopStartToken, task.rows(), decayOtherRows);
    if (lora.isPresent()) {
      LoraChoice choice = LoraChoice.of(task.model(), task.weights());
      choice.warning().ifPresent(warning -> task.emit(new AblationEvent.Warning(warning)));
      return choice.train(lora.get(), task.seed(), options);
    }
    return Capabilities.require(task.model(), Differentiable.class, "gradient training")
        .train(task.weights().stream().map(WeightInfo::name).toList(), options);
  }

  private GradientTrainer changed(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return new GradientTrainer(
        draft.steps,
        draft.batchSize,
        draft.accumulation,
        draft.learningRate,
        draft.schedule,
        draft.maxGradientNorm,
        draft.optimizer,
        draft.stopStartToken,
        draft.decayOtherRows,
        draft.monitors,
        draft.lora);
  }

  /** The settings while one of them is changed. */
  private static final class Draft {
    private int steps;
    private int batchSize;
    private int accumulation;
    private double learningRate;
    private LearningRateSchedule schedule;
    private double maxGradientNorm;
    private AdamW optimizer;
    private boolean stopStartToken;
    private boolean decayOtherRows;
    private List<TrainingMonitor> monitors;
    private Optional<Lora> lora;

    Draft(GradientTrainer from) {
      steps = from.steps;
      batchSize = from.batchSize;
      accumulation = from.accumulation;
      learningRate = from.learningRate;
      schedule = from.schedule;
      maxGradientNorm = from.maxGradientNorm;
      optimizer = from.optimizer;
      stopStartToken = from.stopStartToken;
      decayOtherRows = from.decayOtherRows;
      monitors = from.monitors;
      lora = from.lora;
    }
  }
}
