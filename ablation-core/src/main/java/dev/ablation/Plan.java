package dev.ablation;

import com.google.common.base.Preconditions;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.event.AblationListener;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.Preset;
import dev.ablation.train.Trainer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The values of an {@link Ablation}.
 *
 * @param pairs in the order in which they were named
 * @param presets what is left open, for each kind of target
 * @param adjustment of the preset's trainer, while {@code givenTrainer} is null
 */
record Plan(
    DiffusionModel model,
    List<TargetAnchor> pairs,
    Function<ConceptKind, Preset> presets,
    @Nullable AblationObjective givenObjective,
    @Nullable WeightGroup givenWeights,
    @Nullable Trainer givenTrainer,
    UnaryOperator<GradientTrainer> adjustment,
    @Nullable Preservation preservation,
    boolean dropsUnmatched,
    long seed,
    List<AblationListener> listeners,
    @Nullable Checkpoints checkpoints,
    @Nullable Evaluation evaluation) {

  Plan {
    pairs = List.copyOf(pairs);
    listeners = List.copyOf(listeners);
    // EvaluationPrompt now, so that a kind without published numbers is refused at the call that
    // brings it.
    pairs.forEach(pair -> Objects.requireNonNull(presets.apply(pair.target().kind()), "preset"));
  }

  static Plan of(DiffusionModel model, Concept target, AnchorStrategy anchor) {
    return new Draft(model, pair(model, target, anchor)).build();
  }

  private static TargetAnchor pair(DiffusionModel model, Concept target, AnchorStrategy anchor) {
    Objects.requireNonNull(anchor, "anchor");
    return new TargetAnchor(target, anchor.compatibleWith(model, target));
  }

  Plan withPair(Concept target, AnchorStrategy anchor) {
    TargetAnchor added = pair(model, target, anchor);
    for (TargetAnchor pair : pairs) {
      Preconditions.checkArgument(
          TargetAnchor.ORDER.compare(pair, added) != 0,
          "target must be named once, but %s is a target already",
          target);
    }
    return changed(draft -> draft.pairs.add(added));
  }

  Plan presets(Function<ConceptKind, Preset> changed) {
    Objects.requireNonNull(changed, "presets");
    return changed(draft -> {
      draft.presets = changed;
      draft.givenObjective = null;
      draft.givenWeights = null;
      draft.givenTrainer = null;
      draft.adjustment = UnaryOperator.identity();
    });
  }

  Plan objective(AblationObjective changed) {
    Objects.requireNonNull(changed, "objective");
    Preconditions.checkArgument(
        !changed.name().isBlank(), "name of the objective must not be blank");
    return changed(draft -> draft.givenObjective = changed);
  }

  Plan weights(WeightGroup changed) {
    Objects.requireNonNull(changed, "weights");
    return changed(draft -> draft.givenWeights = changed);
  }

  Plan trainer(Trainer changed) {
    Objects.requireNonNull(changed, "trainer");
    return changed(draft -> {
      draft.givenTrainer = changed;
      draft.adjustment = UnaryOperator.identity();
    });
  }

  Plan training(UnaryOperator<GradientTrainer> change) {
    if (!(trainer() instanceof GradientTrainer gradient)) {
      throw new IllegalStateException(
          "training(...) adjusts a GradientTrainer, but the plan has " + trainer());
    }
    GradientTrainer adjusted = change.apply(gradient);
    if (givenTrainer != null) {
      return trainer(adjusted);
    }
    UnaryOperator<GradientTrainer> before = adjustment;
    return changed(draft -> draft.adjustment = preset -> change.apply(before.apply(preset)));
  }

  Plan preservation(Preservation changed) {
    Objects.requireNonNull(changed, "preservation");
    return changed(draft -> draft.preservation = changed);
  }

  Plan withUnmatchedDropped(boolean changed) {
    return changed(draft -> draft.dropsUnmatched = changed);
  }

  Plan seed(long changed) {
    return changed(draft -> draft.seed = changed);
  }

  Plan listener(AblationListener added) {
    Objects.requireNonNull(added, "listener");
    return changed(draft -> draft.listeners.add(added));
  }

  Plan evaluation(Evaluation changed) {
    Objects.requireNonNull(changed, "evaluation");
    return changed(draft -> draft.evaluation = changed);
  }

  Plan checkpoints(Checkpoints changed) {
    Objects.requireNonNull(changed, "checkpoints");
    return changed(draft -> draft.checkpoints = changed);
  }

  /** The pairs with all that the preset fills in, in an order that follows from the targets. */
  List<TargetAnchor> resolvedPairs() {
    return pairs.stream().sorted(TargetAnchor.ORDER).map(this::resolved).toList();
  }

  private TargetAnchor resolved(TargetAnchor pair) {
    Preset preset = presets.apply(pair.target().kind());
    Concept target = pair.target().withDefaults(preset.styleTemplates());
    return new TargetAnchor(
        target, preset.anchors().compatibleWith(model).applyTo(pair.anchor(), target));
  }

  /** The concepts that are preserved, with all that the preset fills in. */
  List<Concept> preserved() {
    return Optional.ofNullable(preservation).map(Preservation::entries).orElse(List.of()).stream()
        .map(concept -> concept.withDefaults(preset().styleTemplates()))
        .toList();
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

  /**
   * The preset of the first target; where those of the others differ, {@link PlanCheck} says so.
   */
  private Preset preset() {
    return presetsOfPairs().get(0);
  }

  private List<Preset> presetsOfPairs() {
    return pairs.stream()
        .map(pair -> pair.target().kind())
        .sorted()
        .distinct()
        .map(presets)
        .toList();
  }

  /** What cannot be taken from the presets, since the targets' kinds have different numbers. */
  List<String> presetConflicts() {
    List<String> conflicts = new ArrayList<>();
    addConflict(conflicts, "training", givenTrainer, p -> p.training().settings());
    addConflict(conflicts, "weights", givenWeights, p -> p.weights().name());
    addConflict(conflicts, "objective", givenObjective, p -> p.objective().name());
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
   * Everything that shapes a run, as provenance keeps it. The evaluation does not: the delta is the
   * same with and without it.
   */
  Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put(
        "preset",
        presetsOfPairs().stream().map(Preset::name).distinct().collect(Collectors.joining(", ")));
    settings.put("objective", objective().name());
    settings.put("weights", weights().name());
    settings.put("seed", Long.toString(seed));
    if (dropsUnmatched) {
      settings.put("anchor.unmatchedPrompts", "dropped");
    }
    List<TargetAnchor> resolved = resolvedPairs();
    for (int i = 0; i < resolved.size(); i++) {
      String prefix = resolved.size() == 1 ? "" : "pair." + (i + 1) + ".";
      resolved.get(i).settings().forEach((name, value) -> settings.put(prefix + name, value));
    }
    if (preservation != null) {
      settings.putAll(preservation.settings());
    }
    settings.putAll(trainer().settings());
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

  private Plan changed(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.build();
  }

  /** The values while one of them is changed. */
  private static final class Draft {
    private final DiffusionModel model;
    private final List<TargetAnchor> pairs = new ArrayList<>();
    private Function<ConceptKind, Preset> presets = Preset::standard;
    private @Nullable AblationObjective givenObjective;
    private @Nullable WeightGroup givenWeights;
    private @Nullable Trainer givenTrainer;
    private UnaryOperator<GradientTrainer> adjustment = UnaryOperator.identity();
    private @Nullable Preservation preservation;
    private boolean dropsUnmatched;
    private long seed;
    private final List<AblationListener> listeners = new ArrayList<>();
    private @Nullable Checkpoints checkpoints;
    private @Nullable Evaluation evaluation;

    Draft(DiffusionModel model, TargetAnchor first) {
      this.model = model;
      pairs.add(first);
    }

    Draft(Plan from) {
      model = from.model;
      pairs.addAll(from.pairs);
      presets = from.presets;
      givenObjective = from.givenObjective;
      givenWeights = from.givenWeights;
      givenTrainer = from.givenTrainer;
      adjustment = from.adjustment;
      preservation = from.preservation;
      dropsUnmatched = from.dropsUnmatched;
      seed = from.seed;
      listeners.addAll(from.listeners);
      checkpoints = from.checkpoints;
      evaluation = from.evaluation;
    }

    Plan build() {
      return new Plan(
          model,
          pairs,
          presets,
          givenObjective,
          givenWeights,
          givenTrainer,
          adjustment,
          preservation,
          dropsUnmatched,
          seed,
          listeners,
          checkpoints,
          evaluation);
    }
  }
}
