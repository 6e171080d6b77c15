package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import dev.ablation.delta.WeightChange;
import dev.ablation.delta.WeightDelta;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The change of the weights that gradient descent begins with. */
sealed interface StartingPoint {
  /** Prefix of the settings. */
  String START = "training.start";

  /** What {@code requirements} of gradient descent become. */
  TrainerRequirements added(TrainerRequirements requirements);

  /** Why it does not fit the model or the chosen weights. */
  List<String> problems(DiffusionModel model, List<WeightInfo> weights);

  Map<String, String> settings();

  /**
   * Computes the weights to begin with; those that are not named begin as they are.
   *
   * @param scope owner of the arrays
   */
  Map<String, NDArray> weights(TrainingTask task, NDManager scope);

  /** What another trainer finds for the same task, such as a closed form. */
  record Trained(Trainer trainer) implements StartingPoint {
    public Trained {
      Preconditions.checkArgument(
          !(trainer instanceof StepwiseTrainer),
          "startingFrom takes a trainer without steps, was %s",
          trainer);
    }

    @Override
    public TrainerRequirements added(TrainerRequirements requirements) {
      TrainerRequirements sum = requirements;
      for (Map.Entry<Class<?>, String> each :
          trainer.requirements().capabilities().entrySet()) {
        sum = sum.capability(each.getKey(), each.getValue());
      }
      return sum;
    }

    @Override
    public List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
      return changeable(model, weights).isEmpty()
          ? trainer.problems(model, weights).stream().limit(1).toList()
          : List.of();
    }

    /** Gradients may train more than, say, a closed form edits. */
    private List<WeightInfo> changeable(DiffusionModel model, List<WeightInfo> weights) {
      return weights.stream()
          .filter(weight -> trainer.problems(model, List.of(weight)).isEmpty())
          .toList();
    }

    @Override
    public Map<String, String> settings() {
      Map<String, String> settings = new TreeMap<>();
      settings.put(START, trainer.toString());
      trainer
          .settings()
          .forEach((name, value) ->
              settings.put(START + name.substring("training".length()), value));
      return settings;
    }

    @Override
    public Map<String, NDArray> weights(TrainingTask task, NDManager scope) {
      List<WeightInfo> changeable = changeable(task.model(), task.weights());
      TrainingResult found = trainer.train(new StartTask(task, changeable, scope));
      Map<String, NDArray> weights = new LinkedHashMap<>();
      for (Map.Entry<String, WeightChange> each : found.changes().entrySet()) {
        try (NDArray base = task.model().weights().copy(each.getKey(), scope)) {
          weights.put(each.getKey(), each.getValue().changed(base, scope));
        }
      }
      return weights;
    }
  }

  /** What a delta has. */
  record Stored(WeightDelta delta) implements StartingPoint {
    @Override
    public TrainerRequirements added(TrainerRequirements requirements) {
      return requirements;
    }

    @Override
    public List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
      List<String> chosen = weights.stream().map(WeightInfo::name).toList();
      List<String> others =
          delta.names().stream().filter(name -> !chosen.contains(name)).sorted().toList();
      List<String> problems =
          new ArrayList<>(
              delta.differencesFrom(model).stream()
                  .map(difference -> "startingFrom needs a delta of this model: " + difference)
                  .toList());
      if (!others.isEmpty()) {
        problems.add(
            "startingFrom needs a delta of trained weights alone, but %d of its weights are not trained, such as '%s'"
                .formatted(others.size(), others.get(0)));
      }
      return problems;
    }

    @Override
    public Map<String, String> settings() {
      return Map.of(
          START, "delta",
          START + ".sha256", delta.sha256(),
          START + ".targets", String.join(", ", delta.provenance().targets()));
    }

    @Override
    public Map<String, NDArray> weights(TrainingTask task, NDManager scope) {
      Map<String, NDArray> weights = new LinkedHashMap<>();
      for (String name : delta.names()) {
        try (NDArray base = task.model().weights().copy(name, scope)) {
          weights.put(name, delta.changed(name, base, scope));
        }
      }
      return weights;
    }
  }
}
