package dev.ablation.run;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorCost;
import dev.ablation.anchor.AnchorDefaults;
import dev.ablation.anchor.AnchorSet;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.augment.Augmentation;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.objective.AblationObjective;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.PassTime;
import dev.ablation.train.BatchSource;
import dev.ablation.train.StepCost;
import dev.ablation.train.StepwiseTrainer;
import dev.ablation.train.TrainingResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Measures the time of a few steps of a trainer on random latents. */
final class TrainingProbe implements AutoCloseable {
  private static final int WARM_UP = 1;
  private static final int MEASURED = 2;

  /** Each is decoded when it is first drawn, if images are augmented: as in the first steps. */
  private static final int MOST_IMAGES = 64;

  private final RunContext context;
  private final DiffusionModel model;
  private final PlanCheck check;
  private final NDManager scope;
  private final List<Duration> elapsed;
  private final ForwardPassCounter evaluations = new ForwardPassCounter();
  private final List<AnchorSet> sets = new ArrayList<>();
  private long images;

  /**
   * Creates a probe.
   *
   * @param elapsed filled by the listeners of the context: time since the beginning, after each
   *     step
   */
  TrainingProbe(RunContext context, PlanCheck check, NDManager scope, List<Duration> elapsed) {
    this.context = context;
    this.model = context.plan().model();
    this.check = check;
    this.scope = scope;
    this.elapsed = elapsed;
  }

  /** The measurements, what the steps found, and the number of latents that they had. */
  record Result(StepCost probe, TrainingResult trained, long images) {}

  Result measure(StepwiseTrainer trainer, AnchorCost work) {
    AblationObjective objective = evaluations.counting(context.plan().objective());
    BatchSource batches = null;
    if (context.plan().drawsAnchors()) {
      batches =
          PairBatchSource.of(
              context.plan().batchChoices(), check.pairs(), this::randomAnchors, context.seed());
    } else if (context.plan().hasBatches()) {
      batches = BlankImages.batches(context.plan(), check);
    }
    RunTask task = new RunTask(context, check, objective, batches, scope);
    int steps = WARM_UP + MEASURED;
    TrainingResult trained = trainer.sample(steps).train(task);
    if (elapsed.size() != steps) {
      throw new IllegalStateException(
          "a stepwise trainer must emit StepCompleted for each of %s steps, but emitted %s"
              .formatted(steps, elapsed.size()));
    }
    Duration measured = elapsed.get(steps - 1).minus(elapsed.get(WARM_UP - 1));
    return new Result(
        new StepCost(
            evaluations.pairs() / steps + trainer.ownWork(model, check.pairs().size()).stepPasses(),
            evaluations.prior() / steps,
            measured.dividedBy(MEASURED),
            work.forwardPasses() == 0 ? Duration.ZERO : PassTime.measure(model, work.batchSize())),
        trained,
        images);
  }

  private AnchorSet randomAnchors(ResolvedPair pair) {
    List<String> used = pair.anchorPrompts().stream().limit(MOST_IMAGES).toList();
    NDArray latents =
        RandomStreams.gaussian(
            scope,
            latents(model, used.size()),
            RandomStreams.stream(context.seed(), "estimate", 0));
    AnchorSet set = prepared(pair, new RandomAnchors(pair.anchor(), used, latents));
    sets.add(set);
    images += used.size();
    return set;
  }

  /** Includes the time of augmentation: images are decoded, changed and encoded. */
  private AnchorSet prepared(ResolvedPair pair, AnchorStrategy random) {
    Optional<Augmentation> augmentation = pair.anchor().augmentation();
    AnchorStrategy complete =
        augmentation.isEmpty()
            ? random
            : AnchorDefaults.diffusers()
                .augmentation(augmentation.get())
                .applyTo(random, pair.target());
    try {
      return complete.prepare(model, pair.target(), context);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The shape of latents. */
  static Shape latents(DiffusionModel model, int count) {
    ModelDescriptor shape = model.descriptor();
    return new Shape(count, shape.latentChannels(), shape.latentHeight(), shape.latentWidth());
  }

  @Override
  public void close() {
    sets.forEach(AnchorSet::close);
  }
}
