package dev.ablation;

import com.google.common.base.Preconditions;
import com.google.common.collect.ImmutableList;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.event.AblationListener;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.train.Preset;
import dev.ablation.train.Trainer;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The values of an {@link Ablation}. */
record Plan(
    DiffusionModel model,
    Concept target,
    AnchorStrategy anchor,
    String preset,
    AblationObjective objective,
    WeightGroup weights,
    Trainer trainer,
    long seed,
    List<AblationListener> listeners,
    @Nullable Checkpoints checkpoints) {

  Plan {
    Objects.requireNonNull(anchor, "anchor");
    Objects.requireNonNull(objective, "objective");
    Preconditions.checkArgument(
        !objective.name().isBlank(), "name of the objective must not be blank");
    Objects.requireNonNull(weights, "weights");
    Objects.requireNonNull(trainer, "trainer");
    listeners = List.copyOf(listeners);
    Preconditions.checkArgument(
        !target.name().equalsIgnoreCase(anchor.name()),
        "anchor must differ from the target, both were '%s'",
        target.name());
  }

  static Plan of(DiffusionModel model, Concept target, AnchorStrategy anchor) {
    Preset preset = Preset.standard(target.kind());
    return new Plan(
        model,
        target,
        anchor,
        preset.name(),
        preset.objective(),
        preset.weights(),
        preset.training(),
        0,
        List.of(),
        null);
  }

  Plan withPreset(Preset preset) {
    Objects.requireNonNull(preset, "preset");
    return new Plan(
        model,
        target,
        anchor,
        preset.name(),
        preset.objective(),
        preset.weights(),
        preset.training(),
        seed,
        listeners,
        checkpoints);
  }

  Plan withObjective(AblationObjective changed) {
    return new Plan(
        model, target, anchor, preset, changed, weights, trainer, seed, listeners, checkpoints);
  }

  Plan withWeights(WeightGroup changed) {
    return new Plan(
        model, target, anchor, preset, objective, changed, trainer, seed, listeners, checkpoints);
  }

  Plan withTrainer(Trainer changed) {
    return new Plan(
        model, target, anchor, preset, objective, weights, changed, seed, listeners, checkpoints);
  }

  Plan withSeed(long changed) {
    return new Plan(
        model,
        target,
        anchor,
        preset,
        objective,
        weights,
        trainer,
        changed,
        listeners,
        checkpoints);
  }

  Plan withListener(AblationListener added) {
    Objects.requireNonNull(added, "listener");
    List<AblationListener> more =
        ImmutableList.<AblationListener>builder().addAll(listeners).add(added).build();
    return new Plan(
        model, target, anchor, preset, objective, weights, trainer, seed, more, checkpoints);
  }

  Plan withCheckpoints(Checkpoints changed) {
    Objects.requireNonNull(changed, "checkpoints");
    return new Plan(
        model, target, anchor, preset, objective, weights, trainer, seed, listeners, changed);
  }

  /** Everything that shapes a run, as provenance keeps it. */
  Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put("target", target.toString());
    settings.put("target.kind", target.kind().name());
    settings.put("preset", preset);
    settings.put("objective", objective.name());
    settings.put("weights", weights.name());
    settings.put("seed", Long.toString(seed));
    settings.putAll(anchor.settings(target));
    settings.putAll(trainer.settings());
    return settings;
  }

  @Override
  public String toString() {
    return "ablation of %s to '%s' in '%s'"
        .formatted(target, anchor.name(), model.descriptor().name());
  }
}
