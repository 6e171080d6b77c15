package dev.ablation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorCost;
import dev.ablation.anchor.AnchorJudgement;
import dev.ablation.evaluation.AttackCost;
import dev.ablation.memory.PeakMemory;
import dev.ablation.run.PlanCost;
import dev.ablation.train.StepCost;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The cost of a plan, and its problems.
 *
 * {@snippet class="dev.ablation.Snippets" region="estimate"}
 *
 * <p>A forward pass is one latent through the denoising network at one timestep.
 */
@CheckReturnValue
public final class Estimate {
  private final PlanCost cost;

  Estimate(PlanCost cost) {
    this.cost = cost;
  }

  /** {@return the problems that prevent a run; a run would fail with the same messages} */
  public List<String> problems() {
    return List.copyOf(cost.problems());
  }

  /** {@return warnings that do not prevent a run} */
  public List<String> warnings() {
    return List.copyOf(cost.warnings());
  }

  /** {@return the trained weights} */
  public Trained trained() {
    return new Trained(cost.tensors(), cost.numbers());
  }

  /**
   * {@return the number of anchor images of all targets, or of the images that the trainer draws
   * itself, as redirection does; 0 if it uses none}
   */
  public long anchorImages() {
    return cost.anchors().images();
  }

  /** {@return forward passes to draw these images, excluding cached ones, and the largest batch} */
  public AnchorCost anchorCost() {
    return cost.anchors().work();
  }

  /**
   * {@return the number of images that the plan's evaluation draws, before and after together; 0
   * without an evaluation} {@link #time()} does not include it.
   */
  public long evaluationImages() {
    return cost.evaluation().images();
  }

  /** {@return what the attacks of the plan's evaluation take, at most; nothing without any} */
  public AttackCost attackCost() {
    return cost.evaluation().attacks();
  }

  /**
   * {@return the time of the attacks' passes through the network, from a measured one: at most
   * that, and without decoding and judging their images; empty without attacks, or with problems}
   * {@link #time()} does not include it.
   */
  public Optional<Duration> attackTime() {
    return cost.evaluation().attackTime();
  }

  /**
   * {@return how often anchor images show the target, by target, for anchors with a judge ({@link
   * dev.ablation.anchor.AnchorStrategy#judgedBy}); training cannot get below that}
   */
  public Map<String, AnchorJudgement> judgements() {
    return Collections.unmodifiableMap(new TreeMap<>(cost.anchors().judgements()));
  }

  /** {@return the number of training steps; 0 for a trainer without steps} */
  public int steps() {
    return cost.training().steps();
  }

  /**
   * {@return the computed memory for training, in bytes: trained copies, gradients, two moments,
   * the result and the anchors' latents, float32; for a trainer without steps only the changed
   * weights. Excludes the model and the intermediate arrays of its forward passes}
   */
  public long stateBytes() {
    return cost.training().stateBytes();
  }

  /**
   * {@return the measured cost of two steps; empty if there are problems, or for a trainer without
   * steps}
   */
  public Optional<StepCost> probe() {
    return cost.training().probe();
  }

  /**
   * {@return the peak memory of the run from the loaded model on, without its evaluation; empty if
   * there are problems, for a trainer without steps, and where the system does not count memory}
   * The estimate resets the {@linkplain dev.ablation.memory.MemoryUse#peak process's peak} to
   * measure it.
   */
  public Optional<PeakMemory> peakMemory() {
    return cost.training().peak();
  }

  /**
   * The trained weights.
   *
   * @param tensors number of weights, whole or in part
   * @param numbers number of trained values in them
   */
  public record Trained(int tensors, long numbers) {
    /** {@return bytes of the delta, as float32} */
    public long deltaBytes() {
      return Float.BYTES * numbers;
    }
  }

  /** {@return whether the plan can run} */
  public boolean possible() {
    return problems().isEmpty();
  }

  /**
   * {@return the forward passes of the whole run: anchors, pairs and prior; empty without measured
   * steps}
   */
  public OptionalLong forwardPasses() {
    return probe()
        .map(p ->
            OptionalLong.of(
                anchorCost().forwardPasses()
                    + steps() * (p.pairEvaluations() + p.priorEvaluations())))
        .orElseGet(OptionalLong::empty);
  }

  /** {@return the estimated time to draw the anchors; empty without measured steps} */
  public Optional<Duration> anchorTime() {
    return probe().map(p -> p.anchorEvaluation().multipliedBy(anchorCost().forwardPasses()));
  }

  /** {@return the estimated time of training; empty without measured steps} */
  public Optional<Duration> trainingTime() {
    return probe().map(p -> p.step().multipliedBy(steps()));
  }

  /** {@return the estimated time of the run; empty without measured steps} */
  public Optional<Duration> time() {
    return anchorTime().flatMap(anchors -> trainingTime().map(anchors::plus));
  }

  /** {@return a readable summary of a few lines} */
  @Override
  public String toString() {
    Stream<String> numbers =
        Stream.of(
            String.format(
                Locale.ROOT,
                "trains %,d numbers in %,d weights; the delta has %s",
                trained().numbers(),
                trained().tensors(),
                bytes(trained().deltaBytes())),
            work(),
            "memory for training: %s computed, without the network's forward passes"
                .formatted(bytes(stateBytes())));
    Stream<String> evaluation =
        evaluationImages() == 0
            ? Stream.of()
            : Stream.of(
                String.format(
                    Locale.ROOT, "%,d images to draw for the evaluation", evaluationImages()));
    Stream<String> attacks =
        attackTime().stream()
            .map(time -> "attacks: %s; about %s".formatted(attackCost(), seconds(time)));
    Stream<String> measured =
        probe().stream()
            .flatMap(p ->
                Stream.of(
                    String.format(
                        Locale.ROOT,
                        "a step makes %,d forward passes for pairs and %,d for the prior",
                        p.pairEvaluations(),
                        p.priorEvaluations()),
                    peakMemory()
                        .map(peak -> "memory: " + peak)
                        .orElse("memory: not counted by this system"),
                    "measured: %s a step; about %s for anchors, %s for training"
                        .formatted(
                            seconds(p.step()),
                            seconds(anchorTime().orElseThrow()),
                            seconds(trainingTime().orElseThrow()))));
    return Stream.of(
            problems().stream().map(problem -> "problem: " + problem),
            warnings().stream().map(warning -> "warning: " + warning),
            judgements().entrySet().stream()
                .map(each -> "anchors of %s: %s".formatted(each.getKey(), each.getValue())),
            numbers,
            evaluation,
            attacks,
            measured)
        .flatMap(lines -> lines)
        .reduce((lines, line) -> lines + System.lineSeparator() + line)
        .orElse("");
  }

  private String work() {
    return anchorImages() == 0 && steps() == 0
        ? "no anchor images and no training steps"
        : String.format(
            Locale.ROOT,
            "%,d anchor images, %,d forward passes to draw; %,d training steps",
            anchorImages(),
            anchorCost().forwardPasses(),
            steps());
  }

  private static String bytes(long bytes) {
    return String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6);
  }

  private static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%,.2f s", duration.toNanos() / 1e9);
  }
}
