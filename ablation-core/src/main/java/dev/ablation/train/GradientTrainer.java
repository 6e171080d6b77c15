package dev.ablation.train;

import com.google.common.base.Preconditions;
import com.google.common.collect.ImmutableList;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightDelta;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Fine-tuning by gradient descent, as in the paper: each step computes the loss of a batch and its
 * gradient, clips the gradient to a total norm, and updates by AdamW. Immutable: every setter
 * returns a copy. Two trainers are equal if their {@link #settings} are.
 *
 * {@snippet class="dev.ablation.Snippets" region="gradient-trainer"}
 */
@CheckReturnValue
public final class GradientTrainer implements StepwiseTrainer {
  /** Trained copy, gradient, two moments, and the copy that is the result. */
  private static final int ARRAYS_PER_WEIGHT = 5;

  private final Values values;

  /** The settings; not changed after the trainer is created. */
  private static final class Values implements Cloneable {
    private int steps = 100;
    private int batchSize = 8;
    private int accumulation = 1;
    private double learningRate = 1.6e-5;
    private LearningRateSchedule schedule = LearningRateSchedule.constant();
    private double maxGradientNorm = 1;
    private AdamW optimizer = AdamW.reference();
    private boolean stopStartToken = true;
    private boolean decayOtherRows;
    private List<TrainingMonitor> monitors = List.of();
    private Optional<Lora> lora = Optional.empty();
    private Optional<StartingPoint> start = Optional.empty();
    private OptionalInt batchPool = OptionalInt.empty();
    private OptionalDouble average = OptionalDouble.empty();
    private Optional<Redirection> redirection = Optional.empty();

    @Override
    protected Values clone() {
      try {
        return (Values) super.clone();
      } catch (CloneNotSupportedException e) {
        throw new AssertionError(e);
      }
    }

    Values checked() {
      Preconditions.checkArgument(steps > 0, "steps must be positive, was %s", steps);
      Preconditions.checkArgument(batchSize > 0, "batchSize must be positive, was %s", batchSize);
      Preconditions.checkArgument(
          accumulation > 0, "accumulation must be positive, was %s", accumulation);
      Math.multiplyExact(batchSize, accumulation);
      Preconditions.checkArgument(
          batchPool.isEmpty() || batchPool.getAsInt() > 0,
          "batchPool must be positive, was %s",
          batchPool.orElse(0));
      Preconditions.checkArgument(
          average.isEmpty() || (average.getAsDouble() >= 0 && average.getAsDouble() < 1),
          "average must be at least 0 and below 1, was %s",
          average.orElse(0));
      Preconditions.checkArgument(
          learningRate > 0 && Double.isFinite(learningRate),
          "learningRate must be positive and finite, was %s",
          learningRate);
      Preconditions.checkArgument(
          maxGradientNorm > 0, "maxGradientNorm must be positive, was %s", maxGradientNorm);
      Objects.requireNonNull(schedule, "schedule");
      Objects.requireNonNull(optimizer, "optimizer");
      return this;
    }
  }

  private GradientTrainer(Values values) {
    this.values = values.checked();
  }

  private GradientTrainer changed(Consumer<Values> change) {
    Values copy = values.clone();
    change.accept(copy);
    return new GradientTrainer(copy);
  }

  /**
   * {@return the reference's settings for a style: 100 steps of 8 pairs, constant learning rate
   * 1.6e-5, norm 1, no gradient at the start token; untrained rows do not change}
   */
  public static GradientTrainer defaults() {
    return new GradientTrainer(new Values());
  }

  /** {@return the number of updates} */
  @Override
  public int steps() {
    return values.steps;
  }

  /**
   * Changes the number of steps.
   *
   * @param steps positive
   * @return a copy with the given steps
   */
  public GradientTrainer steps(int steps) {
    return changed(v -> v.steps = steps);
  }

  /** {@return B, the number of pairs in one forward pass of the network} */
  public int batchSize() {
    return values.batchSize;
  }

  /**
   * Changes the batch size.
   *
   * @param batchSize positive
   * @return a copy with the given batch size
   */
  public GradientTrainer batchSize(int batchSize) {
    return changed(v -> v.batchSize = batchSize);
  }

  /**
   * {@return the number of batches over which a step averages its gradient: a step uses {@code
   * batchSize * accumulation} pairs, the same ones as a single batch of that size, with the memory
   * of a small batch}
   */
  public int accumulation() {
    return values.accumulation;
  }

  /**
   * Changes the number of batches whose gradients are averaged in a step.
   *
   * @param accumulation positive
   * @return a copy with the given accumulation
   */
  public GradientTrainer accumulation(int accumulation) {
    return changed(v -> v.accumulation = accumulation);
  }

  /** {@return the effective learning rate of AdamW} */
  public double learningRate() {
    return values.learningRate;
  }

  /**
   * Changes the learning rate.
   *
   * @param learningRate positive
   * @return a copy with the given learning rate
   */
  public GradientTrainer learningRate(double learningRate) {
    return changed(v -> v.learningRate = learningRate);
  }

  /** {@return how the learning rate changes over the steps} */
  public LearningRateSchedule schedule() {
    return values.schedule;
  }

  /**
   * Changes how the learning rate changes over the steps.
   *
   * @param schedule such as {@code LearningRateSchedule.cosine(10, 0)}
   * @return a copy with the given schedule
   */
  public GradientTrainer schedule(LearningRateSchedule schedule) {
    return changed(v -> v.schedule = schedule);
  }

  /** {@return the total 2-norm that gradients are scaled down to; infinity does not clip} */
  public double maxGradientNorm() {
    return values.maxGradientNorm;
  }

  /**
   * Changes the norm that gradients are clipped to.
   *
   * @param maxGradientNorm positive; infinity does not clip
   * @return a copy with the given max gradient norm
   */
  public GradientTrainer maxGradientNorm(double maxGradientNorm) {
    return changed(v -> v.maxGradientNorm = maxGradientNorm);
  }

  /** {@return settings of AdamW} */
  public AdamW optimizer() {
    return values.optimizer;
  }

  /**
   * Changes the optimiser's settings.
   *
   * @param optimizer settings of AdamW
   * @return a copy with the given optimizer
   */
  public GradientTrainer optimizer(AdamW optimizer) {
    return changed(v -> v.optimizer = optimizer);
  }

  /**
   * {@return whether key and value of the start token carry no gradient in cross-attention, as in
   * the reference}
   */
  public boolean stopStartToken() {
    return values.stopStartToken;
  }

  /**
   * Changes whether the start token carries gradients.
   *
   * @param stopStartToken {@code true} is the reference's
   * @return a copy with this setting
   */
  public GradientTrainer stopStartToken(boolean stopStartToken) {
    return changed(v -> v.stopStartToken = stopStartToken);
  }

  /**
   * {@return whether weight decay also shrinks the rows of a partly trained weight that are not
   * trained, as in the reference; only to reproduce it}
   */
  public boolean decayOtherRows() {
    return values.decayOtherRows;
  }

  /**
   * Changes whether weight decay shrinks rows that are not trained.
   *
   * @param decayOtherRows {@code true} only to reproduce the reference
   * @return a copy with this setting
   */
  public GradientTrainer decayOtherRows(boolean decayOtherRows) {
    return changed(v -> v.decayOtherRows = decayOtherRows);
  }

  /**
   * {@return settings of the low-rank changes that are trained instead of the weights; empty if the
   * weights are trained}
   */
  public Optional<Lora> lora() {
    return values.lora;
  }

  /**
   * Trains low-rank changes of the chosen weights instead of the weights. Only linear maps and
   * convolutions of a group are changed; biases and normalisations have no low-rank form and keep
   * their values, and a warning names them. The published learning rates are those of whole
   * weights; low-rank changes need larger ones, about 1e-4.
   *
   * {@snippet class="dev.ablation.Snippets" region="lora"}
   *
   * @param lora rank, alpha and start
   * @return a copy with the given lora
   */
  public GradientTrainer lora(Lora lora) {
    return changed(v -> v.lora = Optional.of(lora));
  }

  /**
   * Begins with what another trainer finds for the same plan, such as a closed form, in place of
   * the base model's weights. The trainer is given those of the plan's weights that it can change.
   * Teachers with frozen weights stay the base model. Monitors that measure a baseline measure the
   * base model first, and then the beginning, where they may stop the training before any step.
   *
   * {@snippet class="dev.ablation.closedform.StartingFromTest" region="starting-from"}
   *
   * @param first a trainer without steps
   * @return a copy that begins there
   * @throws IllegalArgumentException if the trainer works in steps
   */
  public GradientTrainer startingFrom(Trainer first) {
    StartingPoint start = new StartingPoint.Trained(Objects.requireNonNull(first, "first"));
    return changed(v -> v.start = Optional.of(start));
  }

  /**
   * Begins with the change of a delta, such as that of an earlier run. The result is the whole
   * change from the base model, the delta's included.
   *
   * @param delta of the same base model, with no weights beside the trained ones; must stay open
   *     until training ends
   * @return a copy that begins there
   */
  public GradientTrainer startingFrom(WeightDelta delta) {
    StartingPoint start = new StartingPoint.Stored(Objects.requireNonNull(delta, "delta"));
    return changed(v -> v.start = Optional.of(start));
  }

  /** {@return how the images' way back is closed; empty if training minimises the objective} */
  public Optional<Redirection> redirection() {
    return values.redirection;
  }

  /**
   * Trains by {@link Redirection} instead of the plan's objective: also noised images of the target
   * must lead to the anchor, whatever the caption. {@link #batchSize()} is then the number of the
   * target's images in a step; anchors draw no images for it.
   *
   * {@snippet class="dev.ablation.RedirectionSnippets" region="redirection"}
   *
   * @param redirection its settings
   * @return a copy with this setting
   */
  public GradientTrainer redirecting(Redirection redirection) {
    Objects.requireNonNull(redirection, "redirection");
    return changed(v -> v.redirection = Optional.of(redirection));
  }

  /** The change to begin with; empty for the base model's weights. */
  Optional<StartingPoint> start() {
    return values.start;
  }

  /**
   * {@return the number of steps after which the same batches come again; empty if every step draws
   * its own}
   */
  public OptionalInt batchPool() {
    return values.batchPool;
  }

  /**
   * Trains on a fixed pool of batches, which come again and again: the same images, prompts, noise
   * and timesteps. What a teacher with {@link dev.ablation.objective.Teacher#FROZEN_WEIGHTS
   * FROZEN_WEIGHTS} predicts for a batch and its prompts is computed once and kept, so that later
   * steps save its forward pass; a teacher with the weights under training saves nothing. The
   * predictions take the memory of the pool's latents.
   *
   * @param steps whose batches are drawn, positive; with as many as {@link #steps} nothing comes
   *     again
   * @return a copy with the given pool
   */
  public GradientTrainer batchPool(int steps) {
    return changed(v -> v.batchPool = OptionalInt.of(steps));
  }

  /**
   * {@return the decay of the moving average of the weights, which is the result; empty if the
   * weights themselves are}
   */
  public OptionalDouble average() {
    return values.average;
  }

  /**
   * Keeps an exponential moving average of the weights under training, {@code average = decay *
   * average + (1 - decay) * weight} after each step, beginning with the weights before the first.
   * The average is the result, and monitors and listeners see it; an objective can ask it as {@link
   * dev.ablation.objective.Teacher#AVERAGED_WEIGHTS AVERAGED_WEIGHTS}. It takes the memory of the
   * trained weights.
   *
   * {@snippet class="dev.ablation.train.AverageTest" region="self-distillation"}
   *
   * @param decay from 0, which is the last weights, to below 1
   * @return a copy with the given average
   */
  public GradientTrainer average(double decay) {
    return changed(v -> v.average = OptionalDouble.of(decay));
  }

  @Override
  public TrainerRequirements requirements() {
    TrainerRequirements weights =
        values.lora.isEmpty()
            ? TrainerRequirements.gradients()
            : TrainerRequirements.prompts()
                .capability(LoraTraining.class, "training low-rank changes")
                .anchorImages(true)
                .objective(true);
    TrainerRequirements own = values.redirection.map(each -> each.changed(weights)).orElse(weights);
    // The beginning may be good enough for a monitor, and then no image is needed.
    return values
        .start
        .map(start -> start.added(own).preparesAnchorImages(own.anchorImages()))
        .orElse(own);
  }

  @Override
  public List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    List<String> problems = new ArrayList<>(problemsOfLora(model, weights));
    values.redirection.ifPresent(redirection -> {
      if (values.accumulation != 1) {
        problems.add("accumulation must be 1 with redirection, was " + values.accumulation);
      }
      problems.addAll(redirection.problems(model, weights));
    });
    values.start.ifPresent(start -> {
      if (values.lora.isPresent()) {
        problems.add(
            "startingFrom begins with changed weights, which lora does not train: leave one out");
      }
      problems.addAll(start.problems(model, weights));
    });
    return problems;
  }

  private List<String> problemsOfLora(DiffusionModel model, List<WeightInfo> weights) {
    return values.lora.isEmpty() || model.capability(LoraTraining.class).isEmpty()
        ? List.of()
        : LoraChoice.of(model, weights).problems();
  }

  /** {@return the monitors, in the order in which they are called} */
  public List<TrainingMonitor> monitors() {
    return values.monitors;
  }

  /**
   * Adds a monitor, called after those added before.
   *
   * @param monitor measures, stops, or records the best weights
   * @return a copy with the given monitor
   */
  public GradientTrainer monitor(TrainingMonitor monitor) {
    List<TrainingMonitor> more =
        ImmutableList.<TrainingMonitor>builder().addAll(values.monitors).add(monitor).build();
    return changed(v -> v.monitors = more);
  }

  /**
   * Measures a value of the model under training every few steps, for the result, for listeners and
   * for rules that are added later.
   *
   * @param value its name
   * @param everySteps interval in steps, positive; always measured after the last step
   * @param metric measures the model
   * @return a copy with the given values
   */
  public GradientTrainer measure(String value, int everySteps, ModelMetric metric) {
    return monitor(TrainingMonitor.measuring(value, everySteps, metric));
  }

  /**
   * Stops training when a condition holds.
   *
   * {@snippet class="dev.ablation.Snippets" region="stop-when"}
   *
   * @param reason for provenance and result; different rules need different reasons
   * @param rule the condition, evaluated after every step
   * @return a copy with the given values
   */
  public GradientTrainer stopWhen(String reason, Predicate<TrainingProgress> rule) {
    return monitor(TrainingMonitor.stoppingWhen(reason, rule));
  }

  /** {@return the number of pairs of a step: batchSize * accumulation} */
  public int pairsPerStep() {
    return values.batchSize * values.accumulation;
  }

  /** Without monitors, which may stop training or take long, and without a start. */
  @Override
  public GradientTrainer sample(int steps) {
    return changed(v -> {
      v.steps = steps;
      v.schedule = LearningRateSchedule.constant();
      v.monitors = List.of();
      v.start = Optional.empty();
      v.redirection = v.redirection.map(Redirection::sample);
    });
  }

  @Override
  public long stateBytes(long numbers) {
    // With an average it is kept, and the weights are while it takes their place.
    long arrays = (long) ARRAYS_PER_WEIGHT + (values.average.isPresent() ? 2 : 0);
    return Float.BYTES * arrays * numbers;
  }

  /** A monitor may have the best weights copied. */
  @Override
  public long bytesBeyondSample(long numbers) {
    return values.monitors.isEmpty() ? 0 : Float.BYTES * numbers;
  }

  @Override
  public OwnWork ownWork(DiffusionModel model, int targets) {
    return values
        .redirection
        .map(redirection -> redirection.work(model, targets, values.batchSize))
        .orElse(OwnWork.none());
  }

  @Override
  public Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put("training.steps", Integer.toString(values.steps));
    settings.put("training.batchSize", Integer.toString(values.batchSize));
    settings.put("training.accumulation", Integer.toString(values.accumulation));
    settings.put("training.learningRate", Double.toString(values.learningRate));
    settings.put("training.schedule", values.schedule.name());
    settings.put("training.maxGradientNorm", Double.toString(values.maxGradientNorm));
    settings.put("training.stopStartToken", Boolean.toString(values.stopStartToken));
    settings.put("training.decayOtherRows", Boolean.toString(values.decayOtherRows));
    settings.put("training.optimizer", values.optimizer.toString());
    settings.put(
        "training.monitors",
        values.monitors.isEmpty()
            ? "none"
            : values.monitors.stream()
                .map(TrainingMonitor::name)
                .collect(Collectors.joining("; ")));
    settings.put("training.lora", values.lora.map(Lora::toString).orElse("none"));
    values.start.map(StartingPoint::settings).ifPresent(settings::putAll);
    values.batchPool.ifPresent(
        steps -> settings.put("training.batchPool", Integer.toString(steps)));
    values.average.ifPresent(decay -> settings.put("training.average", Double.toString(decay)));
    values.redirection.map(Redirection::settings).ifPresent(settings::putAll);
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
    GradientOptions options =
        new GradientOptions(values.stopStartToken, task.rows(), values.decayOtherRows);
    if (values.lora.isPresent()) {
      LoraChoice choice = LoraChoice.of(task.model(), task.weights());
      choice.warning().ifPresent(warning -> task.emit(new AblationEvent.Warning(warning)));
      return choice.train(values.lora.get(), task.seed(), options);
    }
    return Capabilities.require(task.model(), Differentiable.class, "gradient training")
        .train(task.weights().stream().map(WeightInfo::name).toList(), options);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof GradientTrainer trainer && settings().equals(trainer.settings());
  }

  @Override
  public int hashCode() {
    return settings().hashCode();
  }

  @Override
  public String toString() {
    return "GradientTrainer" + settings();
  }
}
