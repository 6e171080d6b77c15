package dev.ablation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorContext;
import dev.ablation.anchor.AnchorCost;
import dev.ablation.anchor.AnchorDefaults;
import dev.ablation.anchor.AnchorJudgement;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.WeightInfo;
import dev.ablation.objective.AblationObjective;
import dev.ablation.random.RandomStreams;
import dev.ablation.train.BatchSource;
import dev.ablation.train.Trainer;
import dev.ablation.train.TrainingTask;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;

/** Finds what a plan takes, by counting and by a few steps on random latents. */
final class PlanEstimate implements AnchorContext {
  private static final int WARM_UP = 1;
  private static final int MEASURED = 2;

  /** Trained copy, gradient, two moments, and the copy that is the result. */
  private static final int ARRAYS_OF_A_WEIGHT = 5;

  /** Each is decoded when it is first drawn, if images are augmented: as in the first steps. */
  private static final int MOST_IMAGES = 64;

  private final Plan plan;
  private final DiffusionModel model;
  private final PlanCheck check;
  private final List<String> problems;
  private final List<String> warnings;

  private PlanEstimate(Plan plan) {
    this.plan = plan;
    model = plan.model();
    check = PlanCheck.of(plan);
    problems = new ArrayList<>(check.problems());
    warnings = new ArrayList<>(check.warnings());
    warnings.addAll(check.hints());
  }

  static Estimate of(Plan plan) {
    try (ModelInUse use = ModelInUse.of(plan.model())) {
      return use.during(() -> new PlanEstimate(plan).estimate());
    }
  }

  private Estimate estimate() {
    AnchorCost work = anchorWork();
    Estimate.Trained trained = trained(Map.of());
    Map<String, AnchorJudgement> judgements = judgements();
    Optional<Estimate.Probe> probe = Optional.empty();
    long copied = check.weights().stream().mapToLong(info -> info.shape().size()).sum();
    Optional<Trainer> sample = plan.trainer().sample(WARM_UP + MEASURED);
    if (problems.isEmpty() && sample.isPresent()) {
      try (NDManager scope = model.manager().newSubManager();
          Sample made = new Sample(scope)) {
        probe = Optional.of(made.probe(sample.get(), work));
        trained = trained(made.result);
        copied = made.result.values().stream().mapToLong(NDArray::size).sum();
      } catch (CancellationException e) {
        throw e;
      } catch (RuntimeException e) {
        problems.add("a first training step fails: " + e);
      }
    }
    return new Estimate(
        problems,
        warnings,
        trained,
        images(),
        work,
        evaluationImages(),
        judgements,
        plan.trainer().steps(),
        Float.BYTES * (ARRAYS_OF_A_WEIGHT * copied + images() * latents(1).size()),
        probe);
  }

  private long images() {
    return AnchorSets.images(check.pairs());
  }

  private long evaluationImages() {
    return check.evaluation().stream()
        .flatMap(evaluation -> evaluation.subjects().stream())
        .mapToLong(subject -> 2L * subject.images())
        .sum();
  }

  private Shape latents(int count) {
    ModelDescriptor shape = model.descriptor();
    return new Shape(count, shape.latentChannels(), shape.latentHeight(), shape.latentWidth());
  }

  private AnchorCost anchorWork() {
    long evaluations = 0;
    int batchSize = 1;
    for (ResolvedPair pair : AnchorSets.withImagesOfTheirOwn(check.pairs())) {
      try {
        AnchorCost work = pair.anchor().work(model, pair.target(), this);
        evaluations += work.evaluations();
        batchSize = Math.max(batchSize, work.batchSize());
      } catch (IOException | IllegalArgumentException e) {
        problems.add("anchors of %s cannot be prepared: %s".formatted(pair.target(), e));
      }
    }
    return new AnchorCost(evaluations, batchSize);
  }

  /** A plan that cannot run is not worth the images. */
  private Map<String, AnchorJudgement> judgements() {
    Map<String, AnchorJudgement> judgements = new TreeMap<>();
    if (problems.isEmpty()) {
      for (ResolvedPair pair : check.pairs()) {
        try {
          pair.anchor()
              .judgement(model, pair.target(), this)
              .ifPresent(judgement -> judgements.put(pair.target().toString(), judgement));
        } catch (CancellationException e) {
          throw e;
        } catch (IOException | RuntimeException e) {
          problems.add("anchors of %s cannot be judged: %s".formatted(pair.target(), e));
        }
      }
    }
    return judgements;
  }

  /** Of partly trained weights only the rows count. */
  private Estimate.Trained trained(Map<String, NDArray> result) {
    Map<String, Set<Integer>> rows = rows();
    long numbers = 0;
    int tensors = 0;
    if (result.isEmpty()) {
      for (WeightInfo info : check.weights()) {
        numbers += trainedNumbers(info.name(), info.shape(), rows);
        tensors++;
      }
    } else {
      for (Map.Entry<String, NDArray> entry : result.entrySet()) {
        numbers += trainedNumbers(entry.getKey(), entry.getValue().getShape(), rows);
        tensors++;
      }
    }
    return new Estimate.Trained(tensors, numbers);
  }

  private static long trainedNumbers(String name, Shape shape, Map<String, Set<Integer>> rows) {
    Set<Integer> trained = rows.get(name);
    return trained == null ? shape.size() : trained.size() * (shape.size() / shape.get(0));
  }

  private Map<String, Set<Integer>> rows() {
    try {
      return TrainedRows.of(
          model, plan.pairs().stream().map(TargetAnchor::target).toList(), check.weights());
    } catch (UnsupportedCapabilityException e) {
      problems.add(String.valueOf(e.getMessage()));
      return Map.of();
    }
  }

  @Override
  public long seed() {
    return plan.seed();
  }

  @Override
  public void progress(long done, long total, boolean fromCache) {
    // nothing is drawn
  }

  @Override
  public void warn(String message) {
    warnings.add(message);
  }

  @Override
  public boolean cancelled() {
    return Thread.currentThread().isInterrupted();
  }

  /** Random latents in place of an anchor's. */
  private record RandomAnchors(AnchorStrategy like, List<String> used, NDArray latents)
      implements AnchorStrategy {
    @Override
    public String name() {
      return like.name();
    }

    @Override
    public List<String> prompts(Concept target) {
      return used;
    }

    @Override
    public int images() {
      return used.size();
    }

    @Override
    public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context) {
      return new AnchorSet(latents, used);
    }

    @Override
    public Map<String, String> settings(Concept target) {
      return like.settings(target);
    }
  }

  /** A few steps on random latents. */
  private final class Sample implements TrainingTask, AutoCloseable {
    private final NDManager scope;
    private final ForwardPassCounter evaluations = new ForwardPassCounter();
    private final AblationObjective objective = evaluations.counting(plan.objective());
    private final BatchSource batches;
    private final List<AnchorSet> sets = new ArrayList<>();
    private final List<Duration> elapsed = new ArrayList<>();
    private Map<String, NDArray> result = Map.of();

    Sample(NDManager scope) {
      this.scope = scope;
      batches = PairBatchSource.of(model, check.pairs(), this::randomAnchors, plan.seed());
    }

    private AnchorSet randomAnchors(ResolvedPair pair) {
      List<String> used =
          pair.anchor().prompts(pair.target()).stream()
              .filter(prompt -> !pair.leftOut().contains(prompt))
              .limit(MOST_IMAGES)
              .toList();
      NDArray latents =
          RandomStreams.gaussian(
              scope, latents(used.size()), RandomStreams.stream(plan.seed(), "estimate", 0));
      AnchorSet set = prepared(pair, new RandomAnchors(pair.anchor(), used, latents));
      sets.add(set);
      return set;
    }

    /** Augmentation takes its time too: images are decoded, changed and encoded. */
    private AnchorSet prepared(ResolvedPair pair, AnchorStrategy random) {
      Optional<Augmentation> augmentation = pair.anchor().augmentation();
      AnchorStrategy complete =
          augmentation.isEmpty()
              ? random
              : AnchorDefaults.diffusers()
                  .augmentation(augmentation.get())
                  .applyTo(random, pair.target());
      try {
        return complete.prepare(model, pair.target(), PlanEstimate.this);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() {
      sets.forEach(AnchorSet::close);
    }

    @Override
    public long seed() {
      return plan.seed();
    }

    Estimate.Probe probe(Trainer trainer, AnchorCost work) {
      MemoryUse memory = MemoryUse.begin(model.descriptor().device());
      result = trainer.train(this).weights();
      Duration measured = elapsed.get(WARM_UP + MEASURED - 1).minus(elapsed.get(WARM_UP - 1));
      int steps = WARM_UP + MEASURED;
      return new Estimate.Probe(
          evaluations.pairs() / steps,
          evaluations.prior() / steps,
          measured.dividedBy(MEASURED),
          work.evaluations() == 0 ? Duration.ZERO : timeOfAnchorEvaluation(work.batchSize()),
          memory.increase());
    }

    private Duration timeOfAnchorEvaluation(int batchSize) {
      double[] times = new double[batchSize];
      Arrays.fill(times, model.schedule().timeAt(0.5));
      long start = 0;
      for (int i = 0; i < WARM_UP + MEASURED; i++) {
        if (i == WARM_UP) {
          start = System.nanoTime();
        }
        try (NDManager once = scope.newSubManager()) {
          NDArray latents =
              RandomStreams.gaussian(
                  once, latents(batchSize), RandomStreams.stream(plan.seed(), "estimate", 1));
          Conditioning prompts = model.encode(Collections.nCopies(batchSize, ""), once);
          // Reading a number waits for the device.
          model.predict(latents, model.schedule().toArray(times, once), prompts).sum().getFloat();
        }
      }
      return Duration.ofNanos((System.nanoTime() - start) / MEASURED / batchSize);
    }

    @Override
    public DiffusionModel model() {
      return model;
    }

    @Override
    public AblationObjective objective() {
      return objective;
    }

    @Override
    public List<WeightInfo> weights() {
      return check.weights();
    }

    @Override
    public Map<String, Set<Integer>> rows() {
      return PlanEstimate.this.rows();
    }

    @Override
    public BatchSource batches() {
      return batches;
    }

    @Override
    public NDManager resultScope() {
      return scope;
    }

    @Override
    public void checkCancelled() {
      if (cancelled()) {
        throw new CancellationException("the estimate was cancelled; the model is unchanged");
      }
    }

    @Override
    public boolean cancelled() {
      return PlanEstimate.this.cancelled();
    }

    @Override
    public void emit(AblationEvent event) {
      if (event instanceof AblationEvent.StepCompleted step) {
        elapsed.add(step.elapsed());
      } else if (event instanceof AblationEvent.Warning warning) {
        warnings.add(warning.message());
      }
    }
  }
}
