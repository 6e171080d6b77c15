package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.concept.Concept;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluate.EvaluationProgress;
import dev.ablation.evaluate.KernelInceptionDistance;
import dev.ablation.evaluate.TextImageEncoder;
import dev.ablation.model.DiffusionModel;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A plan to prove what an ablation did: draws pictures of the target, the anchor, neighbours and
 * unrelated prompts by the base model and by the ablated one, from the same seeds, and measures
 * them. Immutable: every method that changes it returns a new value.
 *
 * {@snippet class="dev.ablation.Snippets" region="evaluation"}
 *
 * <p>Pictures are drawn and looked at batch by batch; in memory are their features and the few that
 * a report shows. With a folder ({@link #keepIn}) the pictures stay on disk, and an evaluation that
 * was interrupted draws what is missing and ends with the same numbers; base pictures are shared
 * between evaluations of one base model.
 */
public final class Evaluation {
  private static final int SHOWN = 6;

  private final List<Wanted> wanted;
  private final List<SubjectMetric> metrics;
  private final List<RecoveryAttempt> attempts;
  private final Protocol protocol;
  private final boolean neighboursLeftOut;
  private final @Nullable Path folder;
  private final int shown;
  private final Consumer<? super EvaluationProgress> listener;
  private final BooleanSupplier cancelled;

  /** A subject whose number of pictures the protocol says. */
  private record Wanted(Role role, String name, List<String> prompts) {}

  private Evaluation(
      List<Wanted> wanted,
      List<SubjectMetric> metrics,
      List<RecoveryAttempt> attempts,
      Protocol protocol,
      boolean neighboursLeftOut,
      @Nullable Path folder,
      int shown,
      Consumer<? super EvaluationProgress> listener,
      BooleanSupplier cancelled) {
    this.wanted = List.copyOf(wanted);
    this.metrics = List.copyOf(metrics);
    this.attempts = List.copyOf(attempts);
    this.protocol = protocol;
    this.neighboursLeftOut = neighboursLeftOut;
    this.folder = folder;
    this.shown = shown;
    this.listener = listener;
    this.cancelled = cancelled;
  }

  /**
   * Begins a plan without metrics.
   *
   * @return a plan with the paper's protocol, to which subjects and metrics are added
   */
  public static Evaluation empty() {
    return new Evaluation(
        List.of(),
        List.of(),
        List.of(),
        Protocol.paper(),
        false,
        null,
        SHOWN,
        progress -> {},
        () -> false);
  }

  /**
   * Begins a plan with the paper's metrics: CLIP score, CLIP accuracy, and KID of the ablated
   * model's pictures from the base model's. KID is taken of the encoder's picture features; for
   * published numbers replace it, see {@link #metrics}.
   *
   * @param encoder such as OpenAI's CLIP ViT-B/32
   * @param anchor name of the ablation's anchor, which shapes the texts
   * @return a plan with the paper's protocol, to which subjects are added
   */
  public static Evaluation of(TextImageEncoder encoder, String anchor) {
    return empty()
        .metrics(
            SubjectMetric.clipScore(encoder, anchor),
            SubjectMetric.clipAccuracy(encoder, anchor),
            SubjectMetric.kid(encoder, KernelInceptionDistance.defaults()));
  }

  /**
   * Adds what was removed.
   *
   * @param name such as {@code "van gogh"}
   * @param prompts that draw it
   * @return a changed plan
   */
  public Evaluation target(String name, List<String> prompts) {
    return with(Role.TARGET, name, prompts);
  }

  /**
   * Adds what is drawn instead.
   *
   * @param name such as {@code "painting"}
   * @param prompts that draw it
   * @return a changed plan
   */
  public Evaluation anchor(String name, List<String> prompts) {
    return with(Role.ANCHOR, name, prompts);
  }

  /**
   * Adds something like the target that shall be kept, a hard negative.
   *
   * @param name such as {@code "monet"}
   * @param prompts that draw it
   * @return a changed plan
   */
  public Evaluation neighbour(String name, List<String> prompts) {
    return with(Role.NEIGHBOUR, name, prompts);
  }

  /**
   * Adds prompts that have nothing to do with the target.
   *
   * @param name for the result, such as {@code "COCO captions"}
   * @param prompts any
   * @return a changed plan
   */
  public Evaluation unrelated(String name, List<String> prompts) {
    return with(Role.UNRELATED, name, prompts);
  }

  /**
   * Adds target, anchor and neighbours whose prompts are made of the anchor's, as an ablation makes
   * its target prompts.
   *
   * @param target such as {@code Concept.style("Van Gogh")}
   * @param anchor name of the anchor, such as {@code "painting"}
   * @param anchorPrompts prompts that draw the anchor
   * @param neighbours concepts of the same kind that shall be kept
   * @return a changed plan
   * @throws IllegalArgumentException if no prompt of a concept can be made of one of the anchor's
   */
  public Evaluation concepts(
      Concept target, String anchor, List<String> anchorPrompts, Concept... neighbours) {
    Evaluation changed =
        target(target.name(), promptsOf(target, anchor, anchorPrompts))
            .anchor(anchor, anchorPrompts);
    for (Concept neighbour : neighbours) {
      changed = changed.neighbour(neighbour.name(), promptsOf(neighbour, anchor, anchorPrompts));
    }
    return changed;
  }

  private static List<String> promptsOf(
      Concept concept, String anchor, List<String> anchorPrompts) {
    List<String> prompts = new ArrayList<>();
    for (int i = 0; i < anchorPrompts.size(); i++) {
      RandomGenerator random = RandomStreams.stream(0, "evaluation.prompt", i);
      prompts.add(concept.targetPrompt(anchorPrompts.get(i), anchor, random));
    }
    return prompts;
  }

  private Evaluation with(Role role, String name, List<String> prompts) {
    List<Wanted> all = new ArrayList<>(wanted);
    new Subject(role, name, prompts, 1); // checks
    for (Wanted other : wanted) {
      Preconditions.checkArgument(
          other.role() != role || !other.name().equals(name),
          "%s must be named once, but '%s' was named twice",
          role,
          name);
    }
    all.add(new Wanted(role, name, List.copyOf(prompts)));
    return new Evaluation(
        all,
        metrics,
        attempts,
        protocol,
        neighboursLeftOut,
        folder,
        shown,
        listener,
        cancelled);
  }

  /**
   * Says that there are no neighbours. Without this a plan that names none is refused, since an
   * ablation that spoils what is next to its target would pass it.
   *
   * @return a changed plan
   */
  public Evaluation withoutNeighbours() {
    return new Evaluation(
        wanted, metrics, attempts, protocol, true, folder, shown, listener, cancelled);
  }

  /**
   * Replaces the metrics.
   *
   * @param metrics at least one
   * @return a changed plan
   */
  public Evaluation metrics(SubjectMetric... metrics) {
    return new Evaluation(
        wanted,
        List.of(metrics),
        attempts,
        protocol,
        neighboursLeftOut,
        folder,
        shown,
        listener,
        cancelled);
  }

  /**
   * Adds a metric.
   *
   * @param metric taken after those that are there
   * @return a changed plan
   */
  public Evaluation and(SubjectMetric metric) {
    List<SubjectMetric> all = new ArrayList<>(metrics);
    all.add(Objects.requireNonNull(metric, "metric"));
    return metrics(all.toArray(SubjectMetric[]::new));
  }

  /**
   * Replaces the attempts to bring the target back, which are made after the subjects.
   *
   * @param attempts such as those of {@code dev.ablation.attack}
   * @return a changed plan
   */
  public Evaluation attempts(List<? extends RecoveryAttempt> attempts) {
    return new Evaluation(
        wanted,
        metrics,
        List.copyOf(attempts),
        protocol,
        neighboursLeftOut,
        folder,
        shown,
        listener,
        cancelled);
  }

  /**
   * Changes the protocol.
   *
   * @param protocol how many pictures, and how they are drawn
   * @return a changed plan
   */
  public Evaluation protocol(Protocol protocol) {
    return new Evaluation(
        wanted,
        metrics,
        attempts,
        Objects.requireNonNull(protocol, "protocol"),
        neighboursLeftOut,
        folder,
        shown,
        listener,
        cancelled);
  }

  /**
   * Keeps all pictures as PNG files, and goes on where an earlier evaluation stopped.
   *
   * @param folder made if there is none; pictures of other models, prompts or settings in it are
   *     left alone
   * @return a changed plan
   */
  public Evaluation keepIn(Path folder) {
    return new Evaluation(
        wanted,
        metrics,
        attempts,
        protocol,
        neighboursLeftOut,
        Objects.requireNonNull(folder, "folder"),
        shown,
        listener,
        cancelled);
  }

  /**
   * Changes how many pairs of pictures of each subject the result keeps for a report; 6 unless
   * changed.
   *
   * @param pairs not negative
   * @return a changed plan
   */
  public Evaluation showing(int pairs) {
    Preconditions.checkArgument(pairs >= 0, "pairs must not be negative, was %s", pairs);
    return new Evaluation(
        wanted,
        metrics,
        attempts,
        protocol,
        neighboursLeftOut,
        folder,
        pairs,
        listener,
        cancelled);
  }

  /**
   * Tells of the progress.
   *
   * @param listener called on the evaluating thread after each batch; what it throws ends the
   *     evaluation
   * @return a changed plan
   */
  public Evaluation listener(Consumer<? super EvaluationProgress> listener) {
    return new Evaluation(
        wanted,
        metrics,
        attempts,
        protocol,
        neighboursLeftOut,
        folder,
        shown,
        Objects.requireNonNull(listener, "listener"),
        cancelled);
  }

  /**
   * Makes the evaluation stoppable.
   *
   * @param cancelled asked between batches; true ends the evaluation
   * @return a changed plan
   */
  public Evaluation cancellation(BooleanSupplier cancelled) {
    return new Evaluation(
        wanted,
        metrics,
        attempts,
        protocol,
        neighboursLeftOut,
        folder,
        shown,
        listener,
        Objects.requireNonNull(cancelled, "cancelled"));
  }

  /** {@return what is drawn, in the order in which it was named} */
  public List<Subject> subjects() {
    return wanted.stream()
        .map(one ->
            new Subject(one.role(), one.name(), one.prompts(), protocol.pictures(one.role())))
        .toList();
  }

  /** {@return how many pictures are drawn, and how} */
  public Protocol protocol() {
    return protocol;
  }

  List<SubjectMetric> metrics() {
    return metrics;
  }

  List<RecoveryAttempt> attempts() {
    return attempts;
  }

  @Nullable Path folder() {
    return folder;
  }

  int shown() {
    return shown;
  }

  Consumer<? super EvaluationProgress> listener() {
    return listener;
  }

  BooleanSupplier cancelled() {
    return cancelled;
  }

  /**
   * Checks the plan, as {@link #run} does before it draws anything.
   *
   * @return everything that is wrong with it; empty if it can run
   */
  public List<String> check() {
    Set<String> problems = new LinkedHashSet<>();
    List<Subject> subjects = subjects();
    if (subjects.stream().noneMatch(subject -> subject.role() == Role.TARGET)) {
      problems.add("an evaluation must have a target");
    }
    if (!neighboursLeftOut
        && subjects.stream().noneMatch(subject -> subject.role() == Role.NEIGHBOUR)) {
      problems.add(
          "an evaluation must have neighbours, concepts like the target that shall be kept, or say"
              + " withoutNeighbours()");
    }
    if (metrics.isEmpty()) {
      problems.add("an evaluation must have a metric");
    }
    for (SubjectMetric metric : metrics) {
      for (Subject subject : subjects) {
        try {
          metric.suits(subject);
        } catch (IllegalArgumentException e) {
          problems.add(String.valueOf(e.getMessage()));
        }
      }
    }
    return List.copyOf(problems);
  }

  /**
   * Draws and measures. The model is left as it was.
   *
   * @param model the base model
   * @param delta what the ablation changed
   * @return what was found
   * @throws IllegalArgumentException if the plan cannot work, or an extractor gives features of
   *     another shape than it says; lists everything; thrown before anything is drawn
   * @throws dev.ablation.delta.DeltaMismatchException if the delta is of another model
   * @throws CancellationException if it was cancelled or the thread interrupted
   * @throws IOException if pictures cannot be kept or read
   */
  public EvaluationResult run(DiffusionModel model, WeightDelta delta) throws IOException {
    return new EvaluationRun(this, model, delta).run();
  }

  /** The indices of the pictures of a subject that its result shows. */
  IntStream shownOf(Subject subject) {
    return IntStream.range(0, Math.min(shown, subject.pictures()));
  }
}
