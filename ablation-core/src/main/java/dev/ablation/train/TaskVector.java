package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightChange;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Subtracts what the model learns from the target: it is fine-tuned on images of the target that it
 * drew itself, and the change of the weights, the task vector, is taken away from the base model,
 * {@code w' = w - scale (tuned - w)} (Ilharco et al., <i>Editing Models with Task Arithmetic</i>,
 * ICLR 2023, arXiv 2212.04089; for concepts of diffusion models Pham et al. 2024, arXiv
 * 2404.03631). The images are learned without a caption, so that no wording of the target leads
 * around the change; whatever looks like the target suffers too. Of the anchor nothing is used.
 *
 * {@snippet class="dev.ablation.train.TaskVectorTest" region="task-vector"}
 *
 * <p>Choose {@link dev.ablation.model.WeightGroup#denoiser()}: without a caption, keys and values
 * learn hardly anything. Immutable; a method with an argument returns a copy with that value.
 */
@CheckReturnValue
public final class TaskVector implements StepwiseTrainer {
  private final GradientTrainer training;
  private final int images;
  private final @Nullable SamplingSettings sampling;
  private final Search search;

  /**
   * Which scale is taken.
   *
   * @param scales ascending, at least one
   * @param value name of what is measured
   * @param metric measures it; {@code null} if the last scale is taken unmeasured
   * @param limit that the value must not exceed
   */
  private record Search(
      List<Double> scales, String value, @Nullable ModelMetric metric, double limit) {
    static Search fixed(List<Double> scales) {
      return new Search(scales, "nothing", null, 0);
    }

    Search {
      scales = List.copyOf(scales);
      Preconditions.checkArgument(!scales.isEmpty(), "scales must not be empty");
      double last = 0;
      for (double scale : scales) {
        Preconditions.checkArgument(
            scale > last && Double.isFinite(scale),
            "scales must be positive and ascending, were %s",
            scales);
        last = scale;
      }
    }

    double last() {
      return scales.get(scales.size() - 1);
    }
  }

  private TaskVector(
      GradientTrainer training, int images, @Nullable SamplingSettings sampling, Search search) {
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
    Preconditions.checkArgument(
        training.monitors().isEmpty(),
        "training must have no monitors, which would see the model that learns the target");
    this.training = training;
    this.images = images;
    this.sampling = sampling;
    this.search = search;
  }

  /**
   * {@return the trainer with published settings: 200 steps of 4 times 4 images at a learning rate
   * of 1e-5, half of the change subtracted; 64 images, drawn as the model's publisher does}
   */
  public static TaskVector defaults() {
    return new TaskVector(
        GradientTrainer.defaults().steps(200).batchSize(4).accumulation(4).learningRate(1e-5),
        64,
        null,
        Search.fixed(List.of(0.5)));
  }

  /**
   * Changes the settings of the fine-tuning.
   *
   * @param change from the present settings to other ones, without monitors
   * @return a copy with the given settings
   */
  public TaskVector training(UnaryOperator<GradientTrainer> change) {
    return new TaskVector(change.apply(training), images, sampling, search);
  }

  /**
   * Changes how many images of the target are drawn.
   *
   * @param images positive
   * @return a copy with the given number
   */
  public TaskVector images(int images) {
    return new TaskVector(training, images, sampling, search);
  }

  /**
   * Changes how the images of the target are drawn.
   *
   * @param sampling sampler, steps and guidance
   * @return a copy with the given settings
   */
  public TaskVector sampling(SamplingSettings sampling) {
    return new TaskVector(training, images, Objects.requireNonNull(sampling, "sampling"), search);
  }

  /**
   * Changes how much of the change is subtracted.
   *
   * @param scale positive
   * @return a copy that subtracts the change this many times, without measuring what it does
   */
  public TaskVector scale(double scale) {
    return new TaskVector(training, images, sampling, Search.fixed(List.of(scale)));
  }

  /**
   * Takes the least scale that removes the target, by measurement.
   *
   * @param scales to try, positive and ascending
   * @param value name of what is measured, for events and provenance
   * @param metric measures the model, such as the share of images that show the target
   * @param limit the first scale whose value is at most this is taken; if there is none the last
   *     one, with a warning
   * @return a copy with the given search
   */
  public TaskVector leastScale(
      List<Double> scales, String value, ModelMetric metric, double limit) {
    Preconditions.checkArgument(!value.isBlank(), "value must not be blank");
    Objects.requireNonNull(metric, "metric");
    return new TaskVector(training, images, sampling, new Search(scales, value, metric, limit));
  }

  @Override
  public int steps() {
    return training.steps();
  }

  @Override
  public TaskVector sample(int steps) {
    return new TaskVector(
        training.sample(steps),
        Math.min(images, training.batchSize()),
        sampling,
        Search.fixed(search.scales()));
  }

  @Override
  public long stateBytes(long numbers) {
    return training.stateBytes(numbers);
  }

  @Override
  public TrainerRequirements requirements() {
    return training.requirements().anchorImages(false).objective(false);
  }

  @Override
  public List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    return training.problems(model, weights);
  }

  @Override
  public Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>(training.settings());
    settings.put("training.method", "negated task vector");
    settings.put("training.images", Integer.toString(images));
    settings.put(
        "training.sampling", sampling == null ? "the model's default" : sampling.toString());
    settings.put("training.scales", search.scales().toString());
    if (search.metric() != null) {
      settings.put("training.scales.until", search.value() + " <= " + search.limit());
    }
    return settings;
  }

  @Override
  public TrainingResult train(TrainingTask task) {
    try (NDManager scope = task.model().newScope()) {
      NDArray drawn = draw(task, scope);
      TrainingResult tuned =
          training.train(
              new DerivedTask(
                  task,
                  AblationObjective.noiseBased(),
                  (step, size, owner) -> batch(task, drawn, step, size, owner),
                  scope,
                  false));
      Map<String, NDArray> learned = new LinkedHashMap<>();
      for (Map.Entry<String, WeightChange> each : tuned.changes().entrySet()) {
        try (NDArray base = task.model().weights().copy(each.getKey(), scope);
            NDArray weight = each.getValue().changed(base, scope)) {
          learned.put(each.getKey(), weight.sub(base));
        }
      }
      return subtracted(task, tuned, learned, scope);
    }
  }

  private NDArray draw(TrainingTask task, NDManager scope) {
    List<String> prompts = new ArrayList<>();
    int pairs = task.pairs().size();
    for (int i = 0; i < images; i++) {
      List<String> own = task.pairs().get(i % pairs).targetPrompts();
      prompts.add(own.get(i / pairs % own.size()));
    }
    LatentSampler sampler = LatentSampler.of(task.model()).cancellation(task::cancelled);
    sampler = sampling == null ? sampler : sampler.settings(sampling);
    return sampler.sample(prompts, RandomStreams.seed(task.seed(), "task vector", 0), scope);
  }

  /** Images without a caption, each drawn with the same probability. */
  private static TrainingBatch batch(
      TrainingTask task, NDArray drawn, int step, int size, NDManager scope) {
    RandomGenerator random = RandomStreams.stream(task.seed(), "task vector", step);
    int count = (int) drawn.getShape().get(0);
    NDList rows = new NDList();
    double[] times = new double[size];
    for (int i = 0; i < size; i++) {
      int row = random.nextInt(count);
      rows.add(drawn.get(row + ":" + (row + 1)));
      times[i] = task.model().schedule().drawTime(random);
    }
    NDArray latents = NDArrays.concat(rows, 0);
    latents.attach(scope);
    rows.close();
    List<String> nothing = Collections.nCopies(size, "");
    return new TrainingBatch(
        latents,
        RandomStreams.gaussian(scope, latents.getShape(), random),
        task.model().schedule().toArray(times, scope),
        nothing,
        nothing);
  }

  private TrainingResult subtracted(
      TrainingTask task, TrainingResult tuned, Map<String, NDArray> learned, NDManager scope) {
    List<Measurement> measurements = new ArrayList<>();
    ModelMetric metric = search.metric();
    double scale = metric == null ? search.last() : leastScale(task, learned, metric, measurements);
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    for (Map.Entry<String, NDArray> each : learned.entrySet()) {
      try (NDArray base = task.model().weights().copy(each.getKey(), scope)) {
        NDArray changed = without(each.getValue(), base, scale);
        changed.attach(task.resultScope());
        changes.put(each.getKey(), WeightChange.replacing(changed));
      }
    }
    int steps = tuned.outcome().steps();
    return new TrainingResult(
        changes,
        tuned.history(),
        measurements,
        new TrainingOutcome(
            steps,
            steps,
            false,
            "what the fine-tuning changed was subtracted %s times".formatted(scale)));
  }

  private double leastScale(
      TrainingTask task,
      Map<String, NDArray> learned,
      ModelMetric metric,
      List<Measurement> measurements) {
    double value = Double.NaN;
    for (double scale : search.scales()) {
      task.checkCancelled();
      value = measured(task, learned, scale, metric);
      Measurement made =
          new Measurement(
              training.steps(), "%s at scale %s".formatted(search.value(), scale), value);
      measurements.add(made);
      task.emit(new AblationEvent.Measured(made.step(), made.name(), made.value()));
      if (value <= search.limit()) {
        return scale;
      }
    }
    task.emit(
        new AblationEvent.Warning(
            "%s is %s at the largest scale, %s, above the limit of %s"
                .formatted(search.value(), value, search.last(), search.limit())));
    return search.last();
  }

  private static double measured(
      TrainingTask task, Map<String, NDArray> learned, double scale, ModelMetric metric) {
    try (NDManager scope = task.model().newScope();
        TrainingSession session =
            Capabilities.require(task.model(), Differentiable.class, "measuring changed weights")
                .train(List.copyOf(learned.keySet()), GradientOptions.reference())) {
      return session.withoutGradients(() -> {
        NDList changed = new NDList();
        for (NDArray base : session.weights()) {
          String name = session.names().get(changed.size());
          NDArray weight = without(Objects.requireNonNull(learned.get(name)), base, scale);
          weight.attach(scope);
          changed.add(weight);
        }
        session.restore(changed);
        return metric.measure(task.model());
      });
    }
  }

  private static NDArray without(NDArray learned, NDArray base, double scale) {
    try (NDArray scaled = learned.mul((float) scale)) {
      return base.sub(scaled);
    }
  }

  @Override
  public String toString() {
    return "TaskVector" + settings();
  }
}
