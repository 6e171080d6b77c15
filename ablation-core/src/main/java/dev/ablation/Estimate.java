package dev.ablation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorCost;
import dev.ablation.anchor.AnchorJudgement;
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
 * What a plan takes, and everything that is wrong with it.
 *
 * {@snippet class="dev.ablation.Snippets" region="estimate"}
 *
 * <p>ForwardPassCounter count latents that go through the denoising network, one timestep each.
 */
@CheckReturnValue
public final class Estimate {
  private final PlanCost cost;

  Estimate(PlanCost cost) {
    this.cost = cost;
  }

  /** {@return what makes the plan impossible; a run would refuse it with the same messages} */
  public List<String> problems() {
    return List.copyOf(cost.problems());
  }

  /** {@return what may be better in another way} */
  public List<String> warnings() {
    return List.copyOf(cost.warnings());
  }

  /** {@return what is trained} */
  public Trained trained() {
    return new Trained(cost.tensors(), cost.numbers());
  }

  /** {@return how many anchor images all targets have together; 0 if the trainer looks at none} */
  public long anchorImages() {
    return cost.anchors().images();
  }

  /**
   * {@return evaluations that the anchor images still take, without those found in a cache, and the
   * largest batch}
   */
  public AnchorCost anchorWork() {
    return cost.anchors().work();
  }

  /**
   * {@return how many images the plan's evaluation draws, before and after; 0 without one} Its time
   * is not in {@link #time()}.
   */
  public long evaluationImages() {
    return cost.evaluationImages();
  }

  /**
   * {@return how often anchor images show the target, by target, where {@link
   * dev.ablation.anchor.AnchorStrategy#judgedBy} named a judge; no training gets below that}
   */
  public Map<String, AnchorJudgement> judgements() {
    return Collections.unmodifiableMap(new TreeMap<>(cost.anchors().judgements()));
  }

  /** {@return how many training steps there are; 0 if the trainer makes none} */
  public int steps() {
    return cost.training().steps();
  }

  /**
   * {@return memory for training, computed: trained copies, gradients, two moments, the result and
   * the anchors' latents, float32; of a trainer without steps the changed weights alone; not the
   * model and what its evaluation takes}
   */
  public long stateBytes() {
    return cost.training().stateBytes();
  }

  /**
   * {@return what two steps took; empty if there are problems, or the trainer makes no single
   * steps}
   */
  public Optional<StepCost> probe() {
    return cost.training().probe();
  }

  /**
   * What is trained.
   *
   * @param tensors how many weights, whole or in part
   * @param numbers how many numbers in them
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

  /** {@return evaluations of the whole run: anchors, pairs and prior; empty without a probe} */
  public OptionalLong evaluations() {
    return probe()
        .map(p ->
            OptionalLong.of(
                anchorWork().evaluations()
                    + steps() * (p.pairEvaluations() + p.priorEvaluations())))
        .orElseGet(OptionalLong::empty);
  }

  /** {@return how long drawing the anchors takes; empty without a probe} */
  public Optional<Duration> anchorTime() {
    return probe().map(p -> p.anchorEvaluation().multipliedBy(anchorWork().evaluations()));
  }

  /** {@return how long training takes; empty without a probe} */
  public Optional<Duration> trainingTime() {
    return probe().map(p -> p.step().multipliedBy(steps()));
  }

  /** {@return how long the run takes; empty without a probe} */
  public Optional<Duration> time() {
    return anchorTime().flatMap(anchors -> trainingTime().map(anchors::plus));
  }

  /** {@return a few lines for people} */
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
            "memory for training: %s computed, without the network's evaluation"
                .formatted(bytes(stateBytes())));
    Stream<String> evaluation =
        evaluationImages() == 0
            ? Stream.of()
            : Stream.of(
                String.format(
                    Locale.ROOT, "%,d images to draw for the evaluation", evaluationImages()));
    Stream<String> measured =
        probe().stream()
            .flatMap(p ->
                Stream.of(
                    String.format(
                        Locale.ROOT,
                        "a step makes %,d evaluations for pairs and %,d for the prior",
                        p.pairEvaluations(),
                        p.priorEvaluations()),
                    "measured: %s at the peak beside the model"
                        .formatted(
                            p.peakBytes().isPresent()
                                ? bytes(p.peakBytes().getAsLong())
                                : "no memory"),
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
            anchorWork().evaluations(),
            steps());
  }

  private static String bytes(long bytes) {
    return String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6);
  }

  private static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%,.2f s", duration.toNanos() / 1e9);
  }
}
