package dev.ablation.run;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.anchor.AnchorCost;
import dev.ablation.anchor.AnchorJudgement;
import dev.ablation.delta.WeightChange;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.event.AblationEvent;
import dev.ablation.memory.MemoryUse;
import dev.ablation.memory.PeakMemory;
import dev.ablation.model.DiffusionModel;
import dev.ablation.train.OwnWork;
import dev.ablation.train.StepCost;
import dev.ablation.train.StepwiseTrainer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;

/** Estimates the cost of a plan by counting and by a few steps on random latents. */
final class PlanEstimate {
  private final Plan plan;
  private final DiffusionModel model;
  private final PlanCheck check;
  private final List<String> problems;
  private final List<String> warnings;
  private final List<Duration> elapsed = new ArrayList<>();
  private final RunContext context;
  private final MemoryUse memory;
  private final boolean counted;

  private PlanEstimate(Plan plan) {
    this.plan = plan;
    model = plan.model();
    counted = MemoryUse.resetPeak(); // or what was before, such as loading, would hide the peak
    memory = MemoryUse.begin(model.descriptor().device());
    check = PlanCheck.of(plan);
    problems = new ArrayList<>(check.problems());
    warnings = new ArrayList<>(check.warnings());
    warnings.addAll(check.hints());
    Listeners events = new Listeners(List.of(this::keep));
    context =
        new RunContext(
            plan,
            events,
            CheckpointSession.none(events),
            () -> Thread.currentThread().isInterrupted());
  }

  static PlanCost of(Plan plan) {
    try (ModelInUse use = ModelInUse.of(plan.model())) {
      return use.during(() -> new PlanEstimate(plan).estimate());
    }
  }

  private void keep(AblationEvent event) {
    if (event instanceof AblationEvent.StepCompleted step) {
      elapsed.add(step.elapsed());
    } else if (event instanceof AblationEvent.Warning warning) {
      warnings.add(warning.message());
    }
  }

  /** How many arrays are trained, and number of values in them; of some rows, in these. */
  private record Trained(int tensors, long numbers) {}

  private PlanCost estimate() {
    Trained trained = trained();
    PlanCost.Anchors anchors = anchors();
    long copied = check.weights().stream().mapToLong(info -> info.shape().size()).sum();
    Optional<StepCost> probe = Optional.empty();
    Optional<PeakMemory> peak = Optional.empty();
    if (problems.isEmpty() && plan.trainer() instanceof StepwiseTrainer stepwise) {
      try (NDManager scope = model.newScope();
          TrainingProbe made = new TrainingProbe(context, check, scope, elapsed)) {
        TrainingProbe.Result result = made.measure(stepwise, anchors.work());
        probe = Optional.of(result.probe());
        Map<String, WeightChange> changes = result.trained().changes();
        trained = trained(changes);
        copied =
            changes.values().stream()
                .flatMap(change -> change.arrays().stream())
                .mapToLong(NDArray::size)
                .sum();
        new PlanRun(plan, () -> false).delta(result.trained(), Map.of()).close(); // for its memory
        long latents = latentBytes(Math.max(0, anchors.images() - result.images()));
        peak = peak(latents + stepwise.bytesBeyondSample(copied));
      } catch (CancellationException e) {
        throw e;
      } catch (RuntimeException e) {
        problems.add("the first training step fails: " + e);
      }
    }
    return new PlanCost(
        problems,
        warnings,
        trained.tensors(),
        trained.numbers(),
        anchors,
        evaluation(),
        new PlanCost.Training(plan.steps(), stateBytes(copied, anchors.images()), probe, peak));
  }

  /** Without steps there is no state but the result. */
  private long stateBytes(long copied, long images) {
    long training =
        plan.trainer() instanceof StepwiseTrainer stepwise
            ? stepwise.stateBytes(copied)
            : Float.BYTES * copied;
    return training + latentBytes(images);
  }

  private long latentBytes(long images) {
    return Float.BYTES * images * TrainingProbe.latents(model, 1).size();
  }

  private Optional<PeakMemory> peak(long computed) {
    Device device = model.descriptor().device();
    OptionalLong total = OptionalLong.empty();
    if (device.isGpu()) {
      total = MemoryUse.ofDevice(device);
    } else if (counted) {
      total = MemoryUse.peak();
    }
    return total.isPresent() && memory.before().isPresent()
        ? Optional.of(
            new PeakMemory(
                device.isGpu(), memory.before().orElseThrow(), total.getAsLong(), computed))
        : Optional.empty();
  }

  private PlanCost.Anchors anchors() {
    if (!plan.drawsAnchors()) {
      OwnWork own = ownWork();
      return new PlanCost.Anchors(own.images(), own.drawing(), Map.of());
    }
    AnchorCost work = anchorCost();
    return new PlanCost.Anchors(AnchorSets.images(check.pairs()), work, judgements());
  }

  /** Of a trainer that draws its own images in place of the anchors'. */
  private OwnWork ownWork() {
    try {
      return plan.trainer() instanceof StepwiseTrainer stepwise
          ? stepwise.ownWork(model, Math.max(1, check.pairs().size()))
          : OwnWork.none();
    } catch (IllegalArgumentException e) {
      problems.add("images of training cannot be drawn: " + e.getMessage());
      return OwnWork.none();
    }
  }

  private PlanCost.Evaluation evaluation() {
    if (check.evaluation().isEmpty()) {
      return new PlanCost.Evaluation(0, AttackCost.none(), Optional.empty());
    }
    Evaluation evaluation = check.evaluation().get();
    long images = evaluation.subjects().stream().mapToLong(subject -> 2L * subject.images()).sum();
    if (!problems.isEmpty() || evaluation.attacks().isEmpty()) {
      return new PlanCost.Evaluation(images, AttackCost.none(), Optional.empty());
    }
    AttackCost attacks = evaluation.attackCost(model);
    int batchSize = evaluation.protocol().sampling().batchSize();
    return new PlanCost.Evaluation(images, attacks, Optional.of(attacks.time(model, batchSize)));
  }

  private AnchorCost anchorCost() {
    long evaluations = 0;
    int batchSize = 1;
    for (ResolvedPair pair : AnchorSets.withImagesOfTheirOwn(check.pairs())) {
      try {
        AnchorCost work = pair.anchor().cost(model, pair.target(), context);
        evaluations += work.forwardPasses();
        batchSize = Math.max(batchSize, work.batchSize());
      } catch (IOException | IllegalArgumentException e) {
        problems.add("anchors of %s cannot be prepared: %s".formatted(pair.target(), e));
      }
    }
    return new AnchorCost(evaluations, batchSize);
  }

  /** Images are not drawn for a plan that cannot run. */
  private Map<String, AnchorJudgement> judgements() {
    Map<String, AnchorJudgement> judgements = new TreeMap<>();
    if (problems.isEmpty()) {
      for (ResolvedPair pair : check.pairs()) {
        try {
          pair.anchor()
              .judgement(model, pair.target(), context)
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

  private Trained trained() {
    Map<String, Set<Integer>> rows = rows();
    return new Trained(
        check.weights().size(),
        check.weights().stream()
            .mapToLong(info -> trainedNumbers(info.name(), info.shape(), rows))
            .sum());
  }

  private Trained trained(Map<String, WeightChange> changes) {
    Map<String, Set<Integer>> rows = rows();
    int tensors = 0;
    long numbers = 0;
    for (Map.Entry<String, WeightChange> each : changes.entrySet()) {
      for (NDArray array : each.getValue().arrays()) {
        tensors++;
        numbers += trainedNumbers(each.getKey(), array.getShape(), rows);
      }
    }
    return new Trained(tensors, numbers);
  }

  /** Of partly trained weights only the rows count. */
  private static long trainedNumbers(String name, Shape shape, Map<String, Set<Integer>> rows) {
    Set<Integer> trained = rows.get(name);
    return trained == null ? shape.size() : trained.size() * (shape.size() / shape.get(0));
  }

  private Map<String, Set<Integer>> rows() {
    try {
      return TrainedRows.of(model, plan.targets(), check.weights());
    } catch (UnsupportedCapabilityException e) {
      problems.add(String.valueOf(e.getMessage()));
      return Map.of();
    }
  }
}
