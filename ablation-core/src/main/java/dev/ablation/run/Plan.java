package dev.ablation.run;

import com.google.common.base.Preconditions;
import com.google.common.collect.ImmutableList;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.augment.MaskSampling;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.Preservation;
import dev.ablation.concept.StyleTemplates;
import dev.ablation.delta.ConceptGate;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.event.AblationListener;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InpaintingCondition;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.provenance.PairSettings;
import dev.ablation.schedule.TimestepSampling;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.Preset;
import dev.ablation.train.StepwiseTrainer;
import dev.ablation.train.Trainer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The content of an {@code Ablation}, whose Javadoc describes the methods. Immutable: every setter
 * returns a copy.
 */
@CheckReturnValue
public final class Plan implements Cloneable {
  // Assigned only in a copy that is not published yet, see changed().
  private final DiffusionModel model;
  private List<TargetAnchor> pairs;
  private Function<ConceptKind, Preset> presets = Preset::standard;
  private @Nullable AblationObjective givenObjective;
  private @Nullable WeightGroup givenWeights;
  private @Nullable Trainer givenTrainer;

  /** Of the preset's trainer, while {@code givenTrainer} is null. */
  private UnaryOperator<GradientTrainer> adjustment = UnaryOperator.identity();

  private @Nullable Preservation preservation;
  private boolean dropsUnmatched;
  private @Nullable TimestepSampling timestepSampling;
  private @Nullable MaskSampling givenMasks;
  private long seed;
  private List<AblationListener> listeners = List.of();
  private @Nullable Checkpoints checkpoints;
  private @Nullable Evaluation evaluation;
  private @Nullable ConceptGate gate;

  private Plan(DiffusionModel model, TargetAnchor first) {
    this.model = model;
    pairs = List.of(first);
  }

  /**
   * Creates a plan with defaults.
   *
   * @param model to ablate
   * @param target concept to remove
   * @param anchor what to draw instead
   * @return the plan
   */
  public static Plan of(DiffusionModel model, Concept target, AnchorStrategy anchor) {
    return new Plan(model, pair(model, target, anchor)).checked();
  }

  private static TargetAnchor pair(DiffusionModel model, Concept target, AnchorStrategy anchor) {
    Objects.requireNonNull(anchor, "anchor");
    return new TargetAnchor(target, anchor.compatibleWith(model, target));
  }

  private Plan changed(Consumer<Plan> change) {
    Plan copy = clone();
    change.accept(copy);
    return copy.checked();
  }

  @Override
  protected Plan clone() {
    try {
      return (Plan) super.clone();
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Evaluated now, so that a kind without published settings is rejected at the call that adds it.
   */
  private Plan checked() {
    pairs.forEach(pair -> Objects.requireNonNull(presets.apply(pair.target().kind()), "preset"));
    return this;
  }

  // Changes

  /** Adds a pair. */
  public Plan pair(Concept target, AnchorStrategy anchor) {
    TargetAnchor added = pair(model, target, anchor);
    for (TargetAnchor pair : pairs) {
      Preconditions.checkArgument(
          ResolvedPair.ORDER.compare(pair, added) != 0,
          "target must be named once, but %s is a target already",
          target);
    }
    return changed(plan -> plan.pairs = added(pairs, added));
  }

  private static <T> List<T> added(List<T> list, T element) {
    return ImmutableList.<T>builder().addAll(list).add(element).build();
  }

  /** Changes the presets and discards the settings that override them. */
  public Plan presets(Function<ConceptKind, Preset> changed) {
    Objects.requireNonNull(changed, "presets");
    return changed(plan -> {
      plan.presets = changed;
      plan.givenObjective = null;
      plan.givenWeights = null;
      plan.givenTrainer = null;
      plan.adjustment = UnaryOperator.identity();
    });
  }

  /** Changes the objective. */
  public Plan objective(AblationObjective changed) {
    Objects.requireNonNull(changed, "objective");
    Preconditions.checkArgument(
        !changed.name().isBlank(), "name of the objective must not be blank");
    return changed(plan -> plan.givenObjective = changed);
  }

  /** Changes the weights. */
  public Plan weights(WeightGroup changed) {
    Objects.requireNonNull(changed, "weights");
    return changed(plan -> plan.givenWeights = changed);
  }

  /** Changes the trainer. */
  public Plan trainer(Trainer changed) {
    Objects.requireNonNull(changed, "trainer");
    return changed(plan -> {
      plan.givenTrainer = changed;
      plan.adjustment = UnaryOperator.identity();
    });
  }

  /** Adjusts the gradient trainer. */
  public Plan training(UnaryOperator<GradientTrainer> change) {
    if (!(trainer() instanceof GradientTrainer gradient)) {
      throw new IllegalStateException(
          "training(...) adjusts a GradientTrainer, but the plan has " + trainer());
    }
    GradientTrainer adjusted = change.apply(gradient);
    if (givenTrainer != null) {
      return trainer(adjusted);
    }
    UnaryOperator<GradientTrainer> before = adjustment;
    return changed(plan -> plan.adjustment = preset -> change.apply(before.apply(preset)));
  }

  /** Changes the preservation. */
  public Plan preservation(Preservation changed) {
    Objects.requireNonNull(changed, "preservation");
    return changed(plan -> plan.preservation = changed);
  }

  /** Changes whether anchor prompts without a target prompt are dropped. */
  public Plan dropsUnmatched(boolean changed) {
    return changed(plan -> plan.dropsUnmatched = changed);
  }

  /** Changes how training draws timesteps. */
  public Plan timestepSampling(TimestepSampling changed) {
    Objects.requireNonNull(changed, "timestepSampling");
    return changed(plan -> plan.timestepSampling = changed);
  }

  /** Changes how training masks images. */
  public Plan inpaintingMasks(MaskSampling changed) {
    Objects.requireNonNull(changed, "inpaintingMasks");
    return changed(plan -> plan.givenMasks = changed);
  }

  /** Changes the seed. */
  public Plan seed(long changed) {
    return changed(plan -> plan.seed = changed);
  }

  /** Adds a listener. */
  public Plan listener(AblationListener added) {
    Objects.requireNonNull(added, "listener");
    return changed(plan -> plan.listeners = added(listeners, added));
  }

  /** Changes the evaluation. */
  public Plan evaluation(Evaluation changed) {
    Objects.requireNonNull(changed, "evaluation");
    return changed(plan -> plan.evaluation = changed);
  }

  /** Changes the gate of the delta. */
  public Plan gatedBy(ConceptGate changed) {
    Objects.requireNonNull(changed, "gate");
    return changed(plan -> plan.gate = changed);
  }

  /** Changes the checkpoints. */
  public Plan checkpoints(Checkpoints changed) {
    Objects.requireNonNull(changed, "checkpoints");
    return changed(plan -> plan.checkpoints = changed);
  }

  // Actions

  /** {@return all problems of the plan} */
  public List<String> problems() {
    return List.copyOf(PlanCheck.of(this).problems());
  }

  /** {@return the estimated cost of a run} */
  public PlanCost cost() {
    return PlanEstimate.of(this);
  }

  /**
   * Runs to the end.
   *
   * @param cancelled checked between steps
   * @return the outcome; the caller closes its delta
   */
  public RunOutcome run(BooleanSupplier cancelled) {
    return new PlanRun(this, cancelled).run();
  }

  // Values

  /** {@return the pairs in the order in which they were added} */
  public List<TargetAnchor> pairs() {
    return pairs;
  }

  DiffusionModel model() {
    return model;
  }

  Optional<Preservation> preservation() {
    return Optional.ofNullable(preservation);
  }

  boolean dropsUnmatched() {
    return dropsUnmatched;
  }

  /** How training draws timesteps, if it is not the model's choice. */
  Optional<TimestepSampling> timestepSampling() {
    return Optional.ofNullable(timestepSampling);
  }

  BatchChoices batchChoices() {
    return new BatchChoices(model, timestepSampling, masks());
  }

  boolean hasOwnMasks() {
    return givenMasks != null;
  }

  MaskSampling masks() {
    return Objects.requireNonNullElseGet(givenMasks, MaskSampling::shapes);
  }

  boolean inpaints() {
    return model.capability(InpaintingCondition.class).isPresent();
  }

  long seed() {
    return seed;
  }

  List<AblationListener> listeners() {
    return listeners;
  }

  Optional<Checkpoints> checkpoints() {
    return Optional.ofNullable(checkpoints);
  }

  Optional<Evaluation> evaluation() {
    return Optional.ofNullable(evaluation);
  }

  Optional<ConceptGate> gate() {
    return Optional.ofNullable(gate);
  }

  List<Concept> targets() {
    return pairs.stream().map(TargetAnchor::target).toList();
  }

  /** The pairs with all settings of the preset, in an order that depends only on the targets. */
  List<TargetAnchor> resolvedPairs() {
    return pairs.stream().sorted(ResolvedPair.ORDER).map(this::resolved).toList();
  }

  private TargetAnchor resolved(TargetAnchor pair) {
    Preset preset = presets.apply(pair.target().kind());
    Concept target = pair.target().withDefaults(preset.styleTemplates());
    return new TargetAnchor(
        target, preset.anchors().compatibleWith(model).applyTo(pair.anchor(), target));
  }

  /** The preserved concepts, with all settings of the preset. */
  List<Concept> preserved() {
    List<Concept> given = preservation().map(PreservedConcepts::of).orElse(List.of());
    if (given.isEmpty()) {
      return given;
    }
    StyleTemplates templates = preset().styleTemplates();
    return given.stream().map(concept -> concept.withDefaults(templates)).toList();
  }

  boolean hasOwnObjective() {
    return givenObjective != null;
  }

  AblationObjective objective() {
    AblationObjective objective =
        Objects.requireNonNullElseGet(givenObjective, () -> preset().objective());
    if (preservation == null) {
      return objective;
    }
    AblationObjective term = AblationObjective.preservation();
    return objective.plus(preservation.weight() == 1 ? term : term.times(preservation.weight()));
  }

  WeightGroup weights() {
    return Objects.requireNonNullElseGet(givenWeights, () -> preset().weights());
  }

  Trainer trainer() {
    return givenTrainer == null ? adjustment.apply(preset().training()) : givenTrainer;
  }

  /** The number of steps; 0 for a trainer without steps. */
  int steps() {
    return trainer() instanceof StepwiseTrainer stepwise ? stepwise.steps() : 0;
  }

  /** Whether training takes batches. */
  boolean hasBatches() {
    return trainer().requirements().anchorImages();
  }

  /** Whether batches have anchor images, which must be drawn or read. */
  boolean drawsAnchors() {
    return hasBatches()
        && (!trainer().requirements().objective()
            || objective().usesAnchorImages()
            || inpaints()); // its conditions are made of the images
  }

  /**
   * The preset of the first target; {@link PlanCheck} reports different presets of other targets.
   */
  private Preset preset() {
    return presetsOfPairs().get(0);
  }

  private List<Preset> presetsOfPairs() {
    return pairs.stream()
        .map(pair -> pair.target().kind())
        .distinct()
        .sorted()
        .map(presets)
        .toList();
  }

  /** The settings that the presets do not determine, since the targets' kinds differ. */
  List<String> presetConflicts() {
    List<String> conflicts = new ArrayList<>();
    addConflict(conflicts, "training", givenTrainer, p -> p.training().settings());
    addConflict(conflicts, "weights", givenWeights, p -> p.weights().name());
    if (trainer().requirements().objective()) {
      addConflict(conflicts, "objective", givenObjective, p -> p.objective().name());
    }
    return conflicts;
  }

  private void addConflict(
      List<String> conflicts, String part, @Nullable Object given, Function<Preset, Object> value) {
    Set<Object> values = presetsOfPairs().stream().map(value).collect(Collectors.toSet());
    if (given == null && values.size() > 1) {
      conflicts.add(
          "%s must be chosen, since targets of the kinds %s have different presets; see preset(...)"
              .formatted(
                  part,
                  pairs.stream().map(pair -> pair.target().kind()).sorted().distinct().toList()));
    }
  }

  /**
   * {@return all settings that affect the result of a run, as stored in provenance} The evaluation
   * is not among them: the delta is the same with and without it.
   */
  public Map<String, String> settings() {
    Trainer trainer = trainer();
    Map<String, String> settings = new TreeMap<>();
    settings.put(
        "preset",
        presetsOfPairs().stream().map(Preset::name).distinct().collect(Collectors.joining(", ")));
    if (trainer.requirements().objective()) {
      settings.put("objective", objective().name());
    }
    settings.put("weights", weights().name());
    settings.put("seed", Long.toString(seed));
    gate().ifPresent(of -> settings.put("gate", of.toJson()));
    if (dropsUnmatched) {
      settings.put("anchor.unmatchedPrompts", "dropped");
    }
    timestepSampling().ifPresent(of -> settings.put("timestepSampling", of.name()));
    boolean images = drawsAnchors();
    if (hasBatches() && inpaints()) {
      settings.put("inpainting.masks", masks().name());
    }
    settings.putAll(
        PairSettings.joined(
            resolvedPairs().stream().map(pair -> ResolvedPair.settings(pair, images)).toList()));
    preservation().map(PreservedConcepts::settings).ifPresent(settings::putAll);
    settings.putAll(trainer.settings());
    return settings;
  }

  @Override
  public String toString() {
    return "ablation of %s in '%s'"
        .formatted(
            pairs.stream()
                .map(pair -> "%s to '%s'".formatted(pair.target(), pair.anchor().name()))
                .collect(Collectors.joining(", ")),
            model.descriptor().name());
  }
}
