package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
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
 * A plan for an evaluation: which images to generate before and after the ablation, and what to
 * measure on them (Kumari et al. 2023, section 4.1). As part of an ablation, it runs when training
 * ends:
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluate"}
 *
 * <p>On its own, it compares a model with a stored delta:
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluate-delta"}
 *
 * <p>Both models generate every image from the same prompt and seed. By default the metrics are
 * CLIP score, CLIP accuracy, KID with the CLIP image tower, and for what a prompt names beside the
 * target the in-prompt CLIP score; {@link #metric} adds others. Images are processed batch by batch
 * and saved only if {@link #keptIn} is set. Immutable: every method that changes a setting returns
 * a new value.
 */
@CheckReturnValue
public final class Evaluation {
  private final @Nullable TextImageEncoder encoder;
  private final Protocol protocol;
  private final List<EvaluationTarget> targets;
  private final List<String> heldOut;
  private final List<Neighbour> neighbours;
  private final boolean neighboursMayMiss;
  private final List<String> inPrompt;
  private final Map<String, String> restsOfPrompts;
  private final Map<String, List<String>> unrelated;
  private final List<SubjectMetric> metrics;
  private final List<Attack> attacks;
  private final Map<String, String> attacksLeftOut;
  private final @Nullable DiffusionModel control;
  private final @Nullable Path folder;

  private Evaluation(Draft draft) {
    encoder = draft.encoder;
    protocol = draft.protocol;
    targets = List.copyOf(draft.targets);
    heldOut = List.copyOf(draft.heldOut);
    neighbours = List.copyOf(draft.neighbours);
    neighboursMayMiss = draft.neighboursMayMiss;
    inPrompt = List.copyOf(draft.inPrompt);
    restsOfPrompts = Map.copyOf(draft.restsOfPrompts);
    unrelated = Collections.unmodifiableMap(new LinkedHashMap<>(draft.unrelated));
    metrics = List.copyOf(draft.metrics);
    attacks = List.copyOf(draft.attacks);
    attacksLeftOut = Collections.unmodifiableMap(new LinkedHashMap<>(draft.attacksLeftOut));
    control = draft.control;
    folder = draft.folder;
  }

  /**
   * Creates an evaluation with the paper's settings.
   *
   * @param encoder the encoder that compares images with texts, such as CLIP ViT-B/32; owned by the
   *     caller
   * @return an evaluation without subjects
   */
  public static Evaluation with(TextImageEncoder encoder) {
    Draft draft = new Draft(Objects.requireNonNull(encoder, "encoder"));
    draft.metrics.add(SubjectMetric.clipScore(encoder));
    draft.metrics.add(SubjectMetric.clipAccuracy(encoder));
    draft.metrics.add(SubjectMetric.kid(encoder));
    draft.metrics.add(SubjectMetric.inPromptClipScore(encoder));
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
   * Adds a target. Several targets are allowed. An evaluation within an ablation does not need
   * this, since it uses the ablation's targets.
   *
   * @param target the target, which derives its prompts from the anchor's
   * @param anchor the anchor's name, such as {@code "painting"}
   * @param anchorPrompts at least one; the prompts of target and neighbours are derived from the
   *     first ones, see {@link Protocol#prompts()}
   * @return a copy with the target added
   * @throws IllegalArgumentException if there are no prompts, or the anchor is the target
   */
  public Evaluation target(Concept target, String anchor, List<String> anchorPrompts) {
    return target(new EvaluationTarget(target, anchor, anchorPrompts, List.of(), null));
  }

  /**
   * Adds a target with its own prompts.
   *
   * @param target the target
   * @param anchor the anchor's name
   * @param anchorPrompts at least one
   * @param targetPrompts at least one; all are used
   * @return a copy with the target added
   * @throws IllegalArgumentException if there are no prompts, or the anchor is the target
   */
  public Evaluation target(
      Concept target, String anchor, List<String> anchorPrompts, List<String> targetPrompts) {
    Preconditions.checkArgument(
        !targetPrompts.isEmpty(), "target prompts of %s must not be empty", target);
    return target(new EvaluationTarget(target, anchor, anchorPrompts, targetPrompts, null));
  }

  /**
   * Adds a target with an anchor strategy, as in an ablation.
   *
   * @param target the target
   * @param anchor the strategy, which supplies anchor prompts and derives target prompts
   * @return a copy with the target added
   * @throws IllegalArgumentException if there are no prompts, or the anchor is the target
   */
  public Evaluation target(Concept target, AnchorStrategy anchor) {
    return target(
        new EvaluationTarget(target, anchor.name(), anchor.prompts(target), List.of(), anchor));
  }

  private Evaluation target(EvaluationTarget target) {
    return changed(draft -> draft.targets.add(target));
  }

  /**
   * Derives all prompts from anchor prompts that training did not use. The paper evaluates on
   * held-out prompts.
   *
   * @param anchorPrompts at least one, for the only target; replaces its anchor prompts
   * @return a copy with the given anchor prompts
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
   * Adds neighbours of the first target's kind, the paper's hard negatives: other styles for a
   * style, other instances for an instance.
   *
   * @param names their names, such as {@code "Monet"}
   * @return a copy with the neighbours added
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
   * Adds neighbours that derive their prompts from the anchor's.
   *
   * @param concepts the neighbours, such as {@code Concept.style("Monet")}
   * @return a copy with the neighbours added
   */
  public Evaluation neighbours(Concept... concepts) {
    return changed(draft -> {
      for (Concept concept : concepts) {
        draft.neighbours.add(new Neighbour(concept.name(), concept, List.of()));
      }
    });
  }

  /**
   * Adds neighbours that a search found, of the first target's kind. Their distances stand in the
   * result's settings under {@code "neighbour."} and the name.
   *
   * @param found by {@link NeighbourSearch#find}, of which any may be left out
   * @return a copy with the neighbours added
   */
  public Evaluation neighbours(List<NearConcept> found) {
    return changed(draft -> {
      for (NearConcept each : found) {
        draft.neighbours.add(new Neighbour(each.name(), null, List.of(), each));
      }
    });
  }

  /**
   * Adds a neighbour with its own prompts.
   *
   * @param name name of what the prompts show
   * @param prompts at least one; all are used
   * @return a copy with the neighbour added, in the place of one that a search found under the name
   * @throws IllegalArgumentException if there are no prompts
   */
  public Evaluation neighbour(String name, List<String> prompts) {
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts of '%s' must not be empty", name);
    return changed(draft -> {
      for (int i = 0; i < draft.neighbours.size(); i++) {
        NearConcept found = draft.neighbours.get(i).found();
        if (found != null && found.name().equals(name)) {
          draft.neighbours.set(i, new Neighbour(name, null, prompts, found));
          return;
        }
      }
      draft.neighbours.add(new Neighbour(name, null, prompts));
    });
  }

  /**
   * Removes all neighbours and allows the evaluation to run without them. By default it requires
   * neighbours, because they are the first to show the damage that an ablation does.
   *
   * @return a copy without neighbours
   */
  public Evaluation withoutNeighbours() {
    return changed(draft -> {
      draft.neighbours.clear();
      draft.neighboursMayMiss = true;
    });
  }

  /**
   * Adds prompts that name the target and something else, which should still be drawn (in-prompt
   * retention). A style and inappropriate content apply to the other thing by their own rule;
   * otherwise the prompt is the target's with {@code "and"} and the other thing.
   *
   * <p>Without these, what remains of the rest of the prompt is measured on the target's own
   * images: the rest of a derived prompt is the anchor prompt that it was derived from.
   *
   * @param others the other things, as a prompt names them, such as {@code "a bicycle"}
   * @return a copy with the prompts added; a subject for each target and other thing, of the role
   *     {@link Role#IN_PROMPT}
   * @throws IllegalArgumentException if one is blank
   */
  public Evaluation inPrompt(String... others) {
    for (String other : others) {
      Preconditions.checkArgument(!other.isBlank(), "what a prompt names must not be blank");
    }
    return changed(draft -> draft.inPrompt.addAll(List.of(others)));
  }

  /**
   * Says what given prompts of the target name beside it.
   *
   * @param rests from a prompt of the target to what else it names, such as from {@code "a cat in
   *     ink style"} to {@code "a cat"} if the target is the style
   * @return a copy with the rests added
   */
  public Evaluation restsOfPrompts(Map<String, String> rests) {
    return changed(draft -> draft.restsOfPrompts.putAll(rests));
  }

  /**
   * Adds prompts that are unrelated to the target; short for {@code unrelated("unrelated prompts",
   * prompts)}.
   *
   * @param prompts at least one
   * @return a copy with the prompts added
   * @throws IllegalArgumentException if there are none
   */
  public Evaluation unrelated(List<String> prompts) {
    return unrelated("unrelated prompts", prompts);
  }

  /**
   * Adds a set of prompts that are unrelated to the target.
   *
   * @param name name of the set in the result, such as {@code "COCO captions"}; replaces a set of
   *     the same name
   * @param prompts at least one; used in turn for the protocol's number of images
   * @return a copy with the set added
   * @throws IllegalArgumentException if there are none, or the name is blank
   */
  public Evaluation unrelated(String name, List<String> prompts) {
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    Preconditions.checkArgument(!prompts.isEmpty(), "prompts of '%s' must not be empty", name);
    return changed(draft -> draft.unrelated.put(name, List.copyOf(prompts)));
  }

  /**
   * Replaces the protocol.
   *
   * @param protocol image counts, sampling settings, seed
   * @return a copy with the given protocol
   */
  public Evaluation protocol(Protocol protocol) {
    Objects.requireNonNull(protocol, "protocol");
    return changed(draft -> draft.protocol = protocol);
  }

  /**
   * Changes the protocol: {@code protocol(p -> p.seed(1))}.
   *
   * @param change from the current protocol to the new one
   * @return a copy with the new protocol
   */
  public Evaluation protocol(UnaryOperator<Protocol> change) {
    return protocol(change.apply(protocol));
  }

  /**
   * Adds a metric to the default ones (CLIP score, CLIP accuracy, KID with the encoder's image
   * tower, and in-prompt CLIP score).
   *
   * @param metric the metric, such as {@code SubjectMetric.perceptualDistance(lpips)}
   * @return a copy with the metric added
   */
  public Evaluation metric(SubjectMetric metric) {
    Objects.requireNonNull(metric, "metric");
    return changed(draft -> draft.metrics.add(metric));
  }

  /**
   * Replaces all metrics, including the default ones.
   *
   * @param first the first metric
   * @param others further metrics
   * @return a copy with the given metrics
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
   * Adds attacks, which run after the images are measured.
   *
   * @param attacks the attacks, in order
   * @return a copy with the attacks added
   */
  public Evaluation attacks(List<? extends Attack> attacks) {
    return changed(draft -> draft.attacks.addAll(attacks));
  }

  /**
   * Tells of attacks that could not be made, so that the result does not pass over them: they stand
   * in its settings under {@code "attack left out: "} and their names.
   *
   * @param reasons from the name of each attack to why it was left out
   * @return a copy with the reasons added
   */
  public Evaluation attacksLeftOut(Map<String, String> reasons) {
    return changed(draft -> draft.attacksLeftOut.putAll(reasons));
  }

  /** {@return attacks that could not be made, with the reason of each} */
  public Map<String, String> attacksLeftOut() {
    return attacksLeftOut;
  }

  /**
   * Counts what the attacks take, with the images that the base model draws for them first.
   *
   * @param model the base model
   * @return at most that, on all models
   */
  public AttackCost attackCost(DiffusionModel model) {
    return AttackCost.of(attacks, model, control == null ? 2 : 3);
  }

  /**
   * Makes every attack on a control, too: a model that never knew the target, such as one trained
   * by the same recipe without it. An image of the target that an attack starts from shows the
   * target after any model; only what the ablated model does beyond the control counts.
   *
   * @param model the control, of the base model's size; owned by the caller and left unchanged
   * @return a copy with this setting
   */
  public Evaluation control(DiffusionModel model) {
    Objects.requireNonNull(model, "control");
    return changed(draft -> draft.control = model);
  }

  /**
   * Removes the attacks.
   *
   * @return a copy that only measures images
   */
  public Evaluation withoutAttacks() {
    return changed(draft -> {
      draft.attacks.clear();
      draft.attacksLeftOut.clear();
    });
  }

  /**
   * Saves every image as a PNG file. When an interrupted evaluation is started again, or another
   * one uses the same base model, it reads the existing files and generates the rest; its results
   * are the same. A file is reused only if everything that determines the image is the same: the
   * weights of both models, prompts, sampler, seed and batch size.
   *
   * @param folder the folder, created if it does not exist; several evaluations may share it
   * @return a copy that saves images in the folder
   */
  public Evaluation keptIn(Path folder) {
    Objects.requireNonNull(folder, "folder");
    return changed(draft -> draft.folder = folder);
  }

  /** {@return the protocol} */
  public Protocol protocol() {
    return protocol;
  }

  /** {@return what compares images with texts; empty if the evaluation needs no encoder} */
  public Optional<TextImageEncoder> encoder() {
    return Optional.ofNullable(encoder);
  }

  /** {@return the targets; empty if the ablation supplies them} */
  public List<Concept> targets() {
    return targets.stream().map(EvaluationTarget::target).toList();
  }

  /** {@return the neighbours that a search found, with their distances} */
  public List<NearConcept> foundNeighbours() {
    return neighbours.stream()
        .map(Neighbour::found)
        .filter(Objects::nonNull)
        .map(Objects::requireNonNull)
        .toList();
  }

  /** {@return all metrics, in the order of the results} */
  public List<SubjectMetric> metrics() {
    return metrics;
  }

  /** {@return the attacks} */
  public List<Attack> attacks() {
    return attacks;
  }

  /**
   * Returns the subjects of the evaluation: targets and their aliases, anchors, neighbours, other
   * things in the target's prompts, and unrelated prompts.
   *
   * @return the subjects, except those whose prompts cannot be derived; {@link #check} reports
   *     these
   */
  public List<Subject> subjects() {
    return EvaluationCheck.of(this).subjects().stream().map(Planned::subject).toList();
  }

  /**
   * Checks the evaluation, as a run does before it generates images. This includes running each
   * extractor on one image.
   *
   * @param model the model that will generate the images
   * @return all problems; empty if the evaluation can run
   */
  public List<String> check(DiffusionModel model) {
    EvaluationCheck check = EvaluationCheck.of(this);
    check.tryOn(model);
    return List.copyOf(check.problems());
  }

  /**
   * Compares a model without and with a delta.
   *
   * @param model the base model; owned by the caller and left unchanged
   * @param delta the delta
   * @return the result
   * @throws IllegalArgumentException if the evaluation cannot run; the message lists all problems;
   *     thrown before any image is generated
   * @throws DeltaMismatchException if the delta belongs to another model; thrown before any image
   *     is generated
   * @throws CancellationException if the thread is interrupted; the interrupt flag stays set
   * @throws IOException if a saved image cannot be read or written
   */
  public EvaluationResult run(DiffusionModel model, WeightDelta delta) throws IOException {
    return run(model, delta, progress -> {}, () -> false);
  }

  /**
   * Compares a model without and with a delta.
   *
   * @param model the base model; owned by the caller and left unchanged
   * @param delta the delta
   * @param listener called after each batch, on the calling thread; an exception from it ends the
   *     evaluation
   * @param cancelled returns whether to cancel the evaluation; called before each batch and each
   *     sampling step
   * @return the result
   * @throws IllegalArgumentException if the evaluation cannot run; the message lists all problems;
   *     thrown before any image is generated
   * @throws DeltaMismatchException if the delta belongs to another model; thrown before any image
   *     is generated
   * @throws CancellationException if it was cancelled or the thread interrupted; the interrupt flag
   *     stays set
   * @throws IOException if a saved image cannot be read or written
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
    checkFits(model, delta);
    return new EvaluationRun(this, check.subjects(), model, delta, listener, cancelled).result();
  }

  private static void checkFits(DiffusionModel model, WeightDelta delta) {
    List<String> differences = delta.differencesFrom(model);
    if (!differences.isEmpty()) {
      throw new DeltaMismatchException(model.descriptor().name(), differences);
    }
  }

  /**
   * Cuts the evaluation into slices, which several processes can measure, see {@link #part}. They
   * hold whole batches of the protocol, since rounding depends on which images are drawn together;
   * an attack is a slice by itself. As {@link #check}, it tries the sampler and the extractors on
   * the model; the parts do not repeat this.
   *
   * @param images number of images of each model in a slice, at least 1; rounded down to whole
   *     batches, but at least one batch
   * @param model the base model; owned by the caller and left unchanged
   * @return the slices, in the order of the subjects
   * @throws IllegalArgumentException if the evaluation cannot run, or one of its metrics cannot be
   *     measured in parts
   */
  public List<EvaluationSlice> slices(int images, DiffusionModel model) {
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
    EvaluationCheck check = EvaluationCheck.of(this);
    check.checkAdditive();
    check.tryOn(model);
    check.orThrow();
    int batch = protocol.sampling().batchSize();
    int size = Math.max(batch, images / batch * batch);
    List<EvaluationSlice> slices = new ArrayList<>();
    for (int i = 0; i < check.subjects().size(); i++) {
      int all = check.subjects().get(i).subject().images();
      for (int first = 0; first < all; first += size) {
        slices.add(EvaluationSlice.ofImages(i, first, Math.min(all, first + size)));
      }
    }
    for (int i = 0; i < attacks.size(); i++) {
      slices.add(EvaluationSlice.ofAttack(i));
    }
    return slices;
  }

  /**
   * Measures some slices.
   *
   * @param slices of {@link #slices}
   * @param model the base model; owned by the caller and left unchanged
   * @param delta the delta
   * @param cancelled as in {@link #run(DiffusionModel, WeightDelta, Consumer, BooleanSupplier)}
   * @return what was measured, to be merged with the other parts
   * @throws IllegalArgumentException if the evaluation cannot run; thrown before any image is
   *     generated
   * @throws DeltaMismatchException if the delta belongs to another model
   * @throws CancellationException if it was cancelled or the thread interrupted
   * @throws IOException if a saved image cannot be read or written
   */
  public EvaluationPart part(
      List<EvaluationSlice> slices,
      DiffusionModel model,
      WeightDelta delta,
      BooleanSupplier cancelled)
      throws IOException {
    EvaluationCheck check = EvaluationCheck.of(this);
    check.checkAdditive();
    check.orThrow();
    checkFits(model, delta);
    return new EvaluationRun(this, check.subjects(), model, delta, progress -> {}, cancelled)
        .part(slices);
  }

  /**
   * Computes the result from the parts of all slices, as {@link #run} computes it alone.
   *
   * @param part all parts, merged
   * @return the result; its duration is that of all parts together
   * @throws IllegalArgumentException if images or attacks are missing, or the part is of another
   *     evaluation
   */
  public EvaluationResult result(EvaluationPart part) {
    EvaluationCheck check = EvaluationCheck.of(this);
    check.checkAdditive();
    check.orThrow();
    return EvaluationRun.result(this, check.subjects(), part);
  }

  /** {@return the model that never knew the target, if there is one} */
  public Optional<DiffusionModel> control() {
    return Optional.ofNullable(control);
  }

  Optional<Path> folder() {
    return Optional.ofNullable(folder);
  }

  List<EvaluationTarget> evaluationTargets() {
    return heldOut.isEmpty() || targets.size() != 1
        ? targets
        : List.of(targets.get(0).anchorPrompts(heldOut));
  }

  boolean heldOutIsUnclear() {
    return !heldOut.isEmpty() && targets.size() > 1;
  }

  List<Neighbour> neighbours() {
    return neighbours;
  }

  boolean neighboursMayMiss() {
    return neighboursMayMiss;
  }

  List<String> inPrompt() {
    return inPrompt;
  }

  Map<String, String> restsOfPrompts() {
    return restsOfPrompts;
  }

  Map<String, List<String>> unrelated() {
    return unrelated;
  }

  private Evaluation changed(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return new Evaluation(draft);
  }

  /** The settings while a copy is being made. */
  private static final class Draft {
    private final @Nullable TextImageEncoder encoder;
    private Protocol protocol = Protocol.paper();
    private final List<EvaluationTarget> targets = new ArrayList<>();
    private final List<String> heldOut = new ArrayList<>();
    private final List<Neighbour> neighbours = new ArrayList<>();
    private boolean neighboursMayMiss;
    private final List<String> inPrompt = new ArrayList<>();
    private final Map<String, String> restsOfPrompts = new LinkedHashMap<>();
    private final Map<String, List<String>> unrelated = new LinkedHashMap<>();
    private final List<SubjectMetric> metrics = new ArrayList<>();
    private final List<Attack> attacks = new ArrayList<>();
    private final Map<String, String> attacksLeftOut = new LinkedHashMap<>();
    private @Nullable DiffusionModel control;
    private @Nullable Path folder;

    Draft(@Nullable TextImageEncoder encoder) {
      this.encoder = encoder;
    }

    Draft(Evaluation from) {
      encoder = from.encoder;
      protocol = from.protocol;
      targets.addAll(from.targets);
      heldOut.addAll(from.heldOut);
      neighbours.addAll(from.neighbours);
      neighboursMayMiss = from.neighboursMayMiss;
      inPrompt.addAll(from.inPrompt);
      restsOfPrompts.putAll(from.restsOfPrompts);
      unrelated.putAll(from.unrelated);
      metrics.addAll(from.metrics);
      attacks.addAll(from.attacks);
      attacksLeftOut.putAll(from.attacksLeftOut);
      control = from.control;
      folder = from.folder;
    }
  }
}
