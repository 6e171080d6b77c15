package dev.ablation.testing;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.delta.WeightChange;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.train.Trainer;
import dev.ablation.train.TrainerRequirements;
import dev.ablation.train.TrainingPair;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingState;
import dev.ablation.train.TrainingTask;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A trainer in closed form: gives the keys and values of cross-attention that come closest to
 * reading the anchor in the target's prompts, by least squares over text embeddings. It looks at no
 * images, and the network is not evaluated. With target rows T, their anchor rows A, preserved rows
 * P and a weight W, x to x W, it minimises
 *
 * <pre>{@code |T W' - A W|^2 + p |P W' - P W|^2 + ridge |W' - W|^2}</pre>
 *
 * @param ridge positive
 */
public record LeastSquares(double ridge) implements Trainer {
  private static final Set<WeightRole> ROLES =
      EnumSet.of(WeightRole.CROSS_ATTENTION_KEY, WeightRole.CROSS_ATTENTION_VALUE);

  @Override
  public TrainerRequirements requirements() {
    return TrainerRequirements.prompts();
  }

  @Override
  public List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    return weights.stream()
        .filter(weight -> !ROLES.contains(weight.role()))
        .map(weight -> weight.name() + " is neither a key nor a value of cross-attention")
        .toList();
  }

  @Override
  public Map<String, String> settings() {
    return Map.of("training.method", "least squares", "training.ridge", Double.toString(ridge));
  }

  /** Keeps a state after each weight, so that an interrupted run goes on with the next one. */
  @Override
  public TrainingResult train(TrainingTask task) {
    Map<String, NDArray> solved = new LinkedHashMap<>();
    try (NDManager scope = task.model().manager().newSubManager()) {
      task.saved(scope)
          .ifPresent(state ->
              state.arrays().forEach((name, array) -> solved.put(name, kept(array, task))));
      for (WeightInfo weight : task.weights()) {
        task.checkCancelled();
        if (!solved.containsKey(weight.name())) {
          NDArray old = task.model().weights().get(weight.name()).duplicate();
          old.attach(scope); // and with it all that is computed from it
          solved.put(weight.name(), kept(solve(old, task, scope), task));
          task.save(new TrainingState(solved.size(), List.of(), List.of(), solved, Map.of()));
        }
      }
    }
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    solved.forEach((name, weight) -> changes.put(name, WeightChange.replacing(weight)));
    return TrainingResult.of(changes);
  }

  private static NDArray kept(NDArray array, TrainingTask task) {
    NDArray copy = array.duplicate();
    copy.attach(task.resultScope());
    return copy;
  }

  private NDArray solve(NDArray weight, TrainingTask task, NDManager scope) {
    List<String> targets = new ArrayList<>();
    List<String> anchors = new ArrayList<>();
    List<String> preserved = new ArrayList<>();
    for (TrainingPair pair : task.pairs()) {
      pair.prompts()
          .forEach((anchor, each) -> {
            targets.addAll(each);
            each.forEach(target -> anchors.add(anchor));
          });
      preserved.addAll(pair.preservedPrompts());
    }
    NDArray t = rows(targets, task.model(), scope);
    NDArray difference = rows(anchors, task.model(), scope).sub(t).matMul(weight);
    NDArray gram = t.transpose().matMul(t).add(scope.eye((int) t.getShape().get(1)).mul(ridge));
    if (!preserved.isEmpty()) {
      NDArray p = rows(preserved, task.model(), scope);
      gram = gram.add(p.transpose().matMul(p).mul(task.preservationWeight()));
    }
    return weight.add(gram.inverse().matMul(t.transpose()).matMul(difference));
  }

  /** The embeddings of all positions of all prompts, (n, D). */
  public static NDArray rows(List<String> prompts, DiffusionModel model, NDManager scope) {
    NDArray states = model.encode(prompts, scope).textEmbeddings();
    return states.reshape(new Shape(-1, states.getShape().get(2)));
  }
}
