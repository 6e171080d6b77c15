package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.delta.DeltaMismatchException;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationCheck.Planned;
import dev.ablation.metric.EvaluationProgress;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A plan to find out what an ablation did: which images are drawn before and after, and what is
 * measured of them (Kumari et al. 2023, section 4.1). Part of an ablation it runs when training
 * ends:
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluate"}
 *
 * <p>By itself it compares a model with a stored delta:
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluate-delta"}
 *
 * <p>Both models draw every image from the same prompt and seed. CLIP score, CLIP accuracy and KID
 * by the CLIP image tower are measured; {@link #metric} adds others. Images are drawn and looked at
 * batch by batch and kept only where {@link #keptIn} says so. Immutable: every method that changes
 * it returns a new value.
 */
public final class Evaluation {
  private final @Nullable TextImageEncoder encoder;
  private final Protocol protocol;
  private final List<EvaluationTarget> aims;
  private final List<String> heldOut;
  private final List<Neighbour> neighbours;
  private final boolean neighboursMayMiss;
  private final Map<String, List<String>> unrelated;
  private final List<SubjectMetric> metrics;
  private final List<Attack> attempts;
  private final @Nullable Path folder;

  private Evaluation(Draft draft) {
    encoder = draft.encoder;
    protocol = draft.protocol;
    aims = List.copyOf(draft.aims);
    heldOut = List.copyOf(draft.heldOut);
    neighbours = List.copyOf(draft.neighbours);
    neighboursMayMiss = draft.neighboursMayMiss;
    unrelated = Collections.unmodifiableMap(new LinkedHashMap<>(draft.unrelated));
    metrics = List.copyOf(draft.metrics);
    attempts = List.copyOf(draft.attempts);
    folder = draft.folder;
  }

  /**
   * Begins an evaluation with the paper's numbers.
   *
   * @param encoder compares images with texts, such as CLIP ViT-B/32; stays the caller's
   * @return the evaluation, without subjects
   */
  public static Evaluation with(TextImageEncoder encoder) {
    Draft draft = new Draft(Objects.requireNonNull(encoder, "encoder"));
    draft.metrics.add(SubjectMetric.clipScore(encoder));
    draft.metrics.add(SubjectMetric.clipAccuracy(encoder));
    draft.metrics.add(SubjectMetric.kid(encoder));
    return new Evaluation(draft);
  }

  /**
   * Begins an evaluation that measures nothing but the given metrics and needs no encoder.
   *
   * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluate-without-encoder"}
   *
   * @param first such as {@code SubjectMetric.pixelChange()}
   * @param others what is measured, too
   * @return the evaluation with the paper's numbers, without subjects
   */
  public static Evaluation of(SubjectMetric first, SubjectMetric... others) {
    return new Evaluation(new Draft((TextImageEncoder) null)).metrics(first, others);
  }

  /**
   * Adds a target. Not needed in an ablation, which has its own; several may be named.
   *
   * @param target what was removed; makes its prompts from the anchor's
   * @param anchor name of what is drawn in its place, such as {@code "painting"}
   * @param anchorPrompts at least one; the prompts of target and neighbours are derived from the
   *     first ones, see {@link Protocol#prompts()}
   * @return a changed evaluation
   * @throws IllegalArgumentException if there are no prompts, or the anchor is the target
   */
  public Evaluation target(Concept target, String anchor, List<String> anchorPrompts) {
    return target(new EvaluationTarget(target, anchor, anchorPrompts, List.of(), null));
  }

  /**
   * Adds a target with prompts of its own.
   *
   * @param target what was removed
   * @param anchor name of what is drawn in its place
   * @param anchorPrompts at least one
   * @param targetPrompts at least one; all are used
   * @return a changed evaluation
   * @throws IllegalArgumentException if there are no prompts, or the anchor is the target
   */
  public Evaluation target(
      Concept target, String anchor, List<String> anchorPrompts, List<String> targetPrompts) {
    Preconditions.checkArgument(
        !targetPrompts.isEmpty(), "target prompts of %s must not be empty", target);
    return target(new EvaluationTarget(target, anchor, anchorPrompts, targetPrompts, null));
  }

  /**
   * Adds a target with an anchor as ablations have them.
   *
   * @param target what was removed
   * @param anchor prompts, and how they become those of the target
   * @return a changed evaluation
   * @throws IllegalArgumentException if there are no prompts, or the anchor is the target
   */
  public Evaluation target(Concept target, AnchorStrategy anchor) {
    return target(
        new EvaluationTarget(target, anchor.name(), anchor.prompts(target), List.of(), anchor));
  }

  private Evaluation target(EvaluationTarget aim) {
    return changed(draft -> draft.aims.add(aim));
  }

  /**
   * Derives prompts from other anchor prompts than those that training used: the paper evaluates on
   * held-out ones.
   *
   * @param anchorPrompts at least one, for the only target; takes the place of its anchor prompts
   * @return a changed evaluation
   * @throws IllegalArgumentException if there are none
   */
  public Evaluation heldOutPrompts(List<String> anchorPrompts) {
    Preconditions.checkArgument(!anchorPrompts.isEmpty(), "anchor prompts must not be empty");
    return changed(draft -> {
      draft.heldOut.clear();
      draft.heldOut.addAll(anchorPrompts);
    });
  }

  /**
   * Adds neighbours of the first target's kind, the paper's hard negatives: for a style other
   * styles, for an instance other instances.
   *
   * @param names such as {@code "Monet"}
   * @return a changed evaluation
   * @throws IllegalArgumentException if a name is blank
   */
  public Evaluation neighbours(String... names) {
    return changed(draft -> {
      for (String name : names) {
        draft.neighbours.add(new Neighbour(name, null, List.of()));
      }
    });
  }

  /**
   * Adds neighbours that make their prompts from the anchor's.
   *
   * @param concepts such as {@code Concept.style("Monet")}
   * @return a changed evaluation
   */
  public Evaluation neighbours(Concept... concepts) {
    return changed(draft -> {
      for (Concept concept : concepts) {
        draft.neighbours.add(new Neighbour(concept.name(), concept, List.of()));
      }
    });
  }

  /**
   * Adds a neighbour with prompts of its own.
   *
   * @param name of what they show
   * @param prompts at least one; all are used
   * @return a changed evaluation
   * @throws IllegalArgumentException if there are no prompts
   */
  public Evaluation neighbour(String name, List<String> prompts) {
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts of '%s' must not be empty", name);
    return changed(draft -> draft.neighbours.add(new Neighbour(name, null, prompts)));
  }

  /**
   * Does without neighbours. An evaluation that was not told so refuses to run without any: what an
   * ablation damages shows in them first.
   *
   * @return a changed evaluation, which has none
   */
  public Evaluation withoutNeighbours() {
    return changed(draft -> {
      draft.neighbours.clear();
      draft.neighboursMayMiss = true;
    });
  }

  /**
   * Adds prompts that have nothing to do with the target; short for {@code unrelated("unrelated
   * prompts", prompts)}.
   *
   * @param prompts at least one
   * @return a changed evaluation
   * @throws IllegalArgumentException if there are none
   */
  public Evaluation unrelated(List<String> prompts) {
    return unrelated("unrelated prompts", prompts);
  }

  /**
   * Adds a set of prompts that have nothing to do with the target.
   *
   * @param name for the result, such as {@code "COCO captions"}; a set of this name is replaced
   * @param prompts at least one; as many images as the protocol says are drawn of them in turns
   * @return a changed evaluation
   * @throws IllegalArgumentException if there are none, or the name is blank
   */
  public Evaluation unrelated(String name, List<String> prompts) {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts of '%s' must not be empty", name);
    return changed(draft -> draft.unrelated.put(name, List.copyOf(prompts)));
  }

  /**
   * Changes the numbers.
   *
   * @param protocol counts, sampler, seed
   * @return a changed evaluation
   */
  public Evaluation protocol(Protocol protocol) {
    Objects.requireNonNull(protocol, "protocol");
    return changed(draft -> draft.protocol = protocol);
  }

  /**
   * Adjusts the numbers: {@code protocol(p -> p.seed(1))}.
   *
   * @param change from the present numbers to the new ones
   * @return a changed evaluation
   */
  public Evaluation protocol(UnaryOperator<Protocol> change) {
    return protocol(change.apply(protocol));
  }

  /**
   * Adds a metric; at first there are CLIP score, CLIP accuracy and KID by the encoder's image
   * tower.
   *
   * @param metric such as {@code SubjectMetric.perceptualDistance(lpips)}
   * @return a changed evaluation
   */
  public Evaluation metric(SubjectMetric metric) {
    Objects.requireNonNull(metric, "metric");
    return changed(draft -> draft.metrics.add(metric));
  }

  /**
   * Replaces all metrics, the first three too.
   *
   * @param first what is measured
   * @param others what is measured, too
   * @return a changed evaluation
   */
  public Evaluation metrics(SubjectMetric first, SubjectMetric... others) {
    Objects.requireNonNull(first, "metric");
    return changed(draft -> {
      draft.metrics.clear();
      draft.metrics.add(first);
      draft.metrics.addAll(List.of(others));
    });
  }

  /**
   * Adds attempts to bring the target back, which are made after the images.
   *
   * @param attempts in order
   * @return a changed evaluation
   */
  public Evaluation attempts(List<? extends Attack> attempts) {
    return changed(draft -> draft.attempts.addAll(attempts));
  }

  /**
   * Keeps every image as a PNG file. An evaluation that was interrupted and is started again, or
   * another one of the same base model, reads what is there and draws the rest; its numbers are the
   * same. A file is found again only if everything that shapes the image is the same: the weights
   * of both models, prompts, sampler, seed and batch size.
   *
   * @param folder is created if it is missing; several evaluations may share it
   * @return a changed evaluation
   */
  public Evaluation keptIn(Path folder) {
    Objects.requireNonNull(folder, "folder");
    return changed(draft -> draft.folder = folder);
  }

  /** {@return the numbers} */
  public Protocol protocol() {
    return protocol;
  }

  /** {@return what compares images with texts; empty if the evaluation needs no encoder} */
  public Optional<TextImageEncoder> encoder() {
    return Optional.ofNullable(encoder);
  }

  /** {@return the targets that were named; none if an ablation has to bring them} */
  public List<Concept> targets() {
    return aims.stream().map(EvaluationTarget::target).toList();
  }

  /** {@return all metrics, in the order of results} */
  public List<SubjectMetric> metrics() {
    return metrics;
  }

  /** {@return the attempts to bring the target back} */
  public List<Attack> attempts() {
    return attempts;
  }

  /**
   * Returns what is drawn: targets, anchors, neighbours, unrelated prompts.
   *
   * @return the subjects, without those whose prompts cannot be derived; {@link #check} says why
   */
  public List<Subject> subjects() {
    return EvaluationCheck.of(this).subjects().stream().map(Planned::subject).toList();
  }

  /**
   * Checks the evaluation, as a run does before it draws. Every extractor is tried on one image.
   *
   * @param model that is going to draw
   * @return everything that is wrong; empty if the evaluation can run
   */
  public List<String> check(DiffusionModel model) {
    EvaluationCheck check = EvaluationCheck.of(this);
    check.tryOn(model);
    return List.copyOf(check.problems());
  }

  /**
   * Compares a model with the same model under a delta.
   *
   * @param model the base; the caller keeps ownership, and it is left as it was
   * @param delta the change
   * @return what was found
   * @throws IllegalArgumentException if the evaluation cannot work, naming everything that is
   *     wrong; thrown before an image is drawn
   * @throws DeltaMismatchException if the delta is of another model; thrown before an image is
   *     drawn
   * @throws CancellationException if the thread is interrupted; the interrupt flag is kept
   * @throws IOException if an image that is kept cannot be read or written
   */
  public EvaluationResult run(DiffusionModel model, WeightDelta delta) throws IOException {
    return run(model, delta, progress -> {}, () -> false);
  }

  /**
   * Compares a model with the same model under a delta.
   *
   * @param model the base; the caller keeps ownership, and it is left as it was
   * @param delta the change
   * @param listener told after each batch, on the calling thread; what it throws ends the
   *     evaluation
   * @param cancelled asked before each batch and each step of the sampler; true ends the evaluation
   * @return what was found
   * @throws IllegalArgumentException if the evaluation cannot work, naming everything that is
   *     wrong; thrown before an image is drawn
   * @throws DeltaMismatchException if the delta is of another model; thrown before an image is
   *     drawn
   * @throws CancellationException if it was cancelled or the thread interrupted; the interrupt flag
   *     is kept
   * @throws IOException if an image that is kept cannot be read or written
   */
  public EvaluationResult run(
      DiffusionModel model,
      WeightDelta delta,
      Consumer<? super EvaluationProgress> listener,
      BooleanSupplier cancelled)
      throws IOException {
    EvaluationCheck check = EvaluationCheck.of(this);
    check.tryOn(model);
    check.orThrow();
    List<String> differences = delta.differencesFrom(model);
    if (!differences.isEmpty()) {
      throw new DeltaMismatchException(model.descriptor().name(), differences);
    }
    return new EvaluationRun(this, check.subjects(), model, delta, listener, cancelled).result();
  }

  Optional<Path> folder() {
    return Optional.ofNullable(folder);
  }

  List<EvaluationTarget> aims() {
    return heldOut.isEmpty() || aims.size() != 1
        ? aims
        : List.of(aims.get(0).anchorPrompts(heldOut));
  }

  boolean heldOutIsUnclear() {
    return !heldOut.isEmpty() && aims.size() > 1;
  }

  List<Neighbour> neighbours() {
    return neighbours;
  }

  boolean neighboursMayMiss() {
    return neighboursMayMiss;
  }

  Map<String, List<String>> unrelated() {
    return unrelated;
  }

  private Evaluation changed(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return new Evaluation(draft);
  }

  /** The values while one of them is changed. */
  private static final class Draft {
    private final @Nullable TextImageEncoder encoder;
    private Protocol protocol = Protocol.paper();
    private final List<EvaluationTarget> aims = new ArrayList<>();
    private final List<String> heldOut = new ArrayList<>();
    private final List<Neighbour> neighbours = new ArrayList<>();
    private boolean neighboursMayMiss;
    private final Map<String, List<String>> unrelated = new LinkedHashMap<>();
    private final List<SubjectMetric> metrics = new ArrayList<>();
    private final List<Attack> attempts = new ArrayList<>();
    private @Nullable Path folder;

    Draft(@Nullable TextImageEncoder encoder) {
      this.encoder = encoder;
    }

    Draft(Evaluation from) {
      encoder = from.encoder;
      protocol = from.protocol;
      aims.addAll(from.aims);
      heldOut.addAll(from.heldOut);
      neighbours.addAll(from.neighbours);
      neighboursMayMiss = from.neighboursMayMiss;
      unrelated.putAll(from.unrelated);
      metrics.addAll(from.metrics);
      attempts.addAll(from.attempts);
      folder = from.folder;
    }
  }
}
