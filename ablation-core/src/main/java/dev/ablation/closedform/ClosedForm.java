package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.common.hash.Hashing;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightChange;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.train.Trainer;
import dev.ablation.train.TrainerRequirements;
import dev.ablation.train.TrainingPair;
import dev.ablation.train.TrainingResult;
import dev.ablation.train.TrainingTask;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A trainer that edits the keys and values of cross-attention in closed form: it encodes prompts,
 * solves one linear system, and multiplies the solution into every key and value. It draws no
 * images and evaluates no denoising network, so it takes seconds.
 *
 * {@snippet class="dev.ablation.closedform.ClosedFormTrainerTest" region="closed-form"}
 *
 * <p>Whatever is not preserved may change. Name what must stay in {@link #preserved} or in the
 * plan's {@code preserve(...)}: a few hundred prompts around the target are typical. Immutable; a
 * method with an argument returns a copy with that value.
 */
@CheckReturnValue
public final class ClosedForm implements Trainer {
  private static final Set<WeightRole> ROLES =
      EnumSet.of(WeightRole.CROSS_ATTENTION_KEY, WeightRole.CROSS_ATTENTION_VALUE);

  /** How the sums of a task become an edit. */
  private interface Method {
    WeightEdit edit(EmbeddingSums sums);
  }

  private final String name;
  private final boolean sequences;
  private final Method method;
  private final List<String> preserved;

  private ClosedForm(String name, boolean sequences, Method method, List<String> preserved) {
    this.name = name;
    this.sequences = sequences;
    this.method = method;
    this.preserved = preserved;
  }

  /**
   * Maps the text embeddings at all positions of the target prompts to those of their anchor
   * prompts, by least squares with the default settings.
   *
   * @return the trainer
   */
  public static ClosedForm sequences() {
    return sequences(SequenceLeastSquares.defaults());
  }

  /**
   * Maps the text embeddings at all positions of the target prompts to those of their anchor
   * prompts.
   *
   * @param settings of the least squares
   * @return the trainer
   */
  public static ClosedForm sequences(SequenceLeastSquares settings) {
    return new ClosedForm(settings.toString(), true, settings::edit, List.of());
  }

  /**
   * Edits by UCE (Gandikota et al., <i>Unified Concept Editing in Diffusion Models</i>, WACV 2024,
   * arXiv 2308.14761): maps the embedding of the last token of the target's name to the anchor's.
   *
   * @param settings of the edit
   * @return the trainer
   */
  public static ClosedForm uce(Uce settings) {
    return new ClosedForm(settings.toString(), false, settings::replace, List.of());
  }

  /**
   * Rotates the target's name out of the keys and values, see {@link OrthogonalErasure}.
   *
   * @param settings of the edit
   * @return the trainer
   */
  public static ClosedForm orthogonal(OrthogonalErasure settings) {
    return new ClosedForm(settings.toString(), false, settings::edit, List.of());
  }

  /**
   * Preserves prompts, beside those of the plan's {@code preserve(...)}.
   *
   * @param prompts whose keys and values change as little as possible; the empty prompt is that of
   *     guidance, no other may be blank
   * @return a copy that preserves these prompts in place of those given before
   */
  public ClosedForm preserved(List<String> prompts) {
    Preconditions.checkArgument(
        prompts.stream().noneMatch(prompt -> prompt.isBlank() && !prompt.isEmpty()),
        "preserved prompts must not be blank");
    return new ClosedForm(name, sequences, method, List.copyOf(new LinkedHashSet<>(prompts)));
  }

  @Override
  public TrainerRequirements requirements() {
    return sequences
        ? TrainerRequirements.prompts()
        : TrainerRequirements.prompts()
            .capability(PromptTokenizer.class, "finding the last token of a name");
  }

  @Override
  public List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    return weights.stream()
        .filter(weight -> !ROLES.contains(weight.role()))
        .map(weight ->
            "a closed form edits keys and values of cross-attention; %s has the role %s"
                .formatted(weight.name(), weight.role()))
        .toList();
  }

  @Override
  public Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put("training.method", name);
    settings.put("training.preserved", Integer.toString(preserved.size()));
    settings.put(
        "training.preserved.sha256",
        Hashing.sha256()
            .hashString(String.join("\n", preserved), StandardCharsets.UTF_8)
            .toString());
    return settings;
  }

  @Override
  public TrainingResult train(TrainingTask task) {
    task.checkCancelled();
    WeightEdit edit = method.edit(sums(task));
    task.checkCancelled();
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    try (NDManager scope = task.model().manager().newSubManager()) {
      NDList weights = new NDList();
      for (WeightInfo info : task.weights()) {
        NDArray weight = task.model().weights().copy(info.name(), scope);
        weights.add(transposed(info, edit) ? weight.transpose() : weight);
      }
      NDList edited = edit.apply(weights, scope);
      for (int i = 0; i < edited.size(); i++) {
        NDArray weight = edited.get(i);
        if (transposed(task.weights().get(i), edit)) {
          weight = weight.transpose().duplicate();
        }
        weight.attach(task.resultScope());
        changes.put(task.weights().get(i).name(), WeightChange.replacing(weight));
      }
    }
    return TrainingResult.of(changes);
  }

  /** Published networks keep (rows, D); a network that multiplies from the left keeps (D, rows). */
  private static boolean transposed(WeightInfo info, WeightEdit edit) {
    return info.shape().get(1) != edit.width() && info.shape().get(0) == edit.width();
  }

  private EmbeddingSums sums(TrainingTask task) {
    Set<String> kept = new LinkedHashSet<>(preserved);
    Set<PromptMapping> mappings = new LinkedHashSet<>();
    for (TrainingPair pair : task.pairs()) {
      kept.addAll(pair.preservedPrompts());
      if (sequences) {
        pair.prompts()
            .forEach((anchor, targets) ->
                targets.forEach(target -> mappings.add(new PromptMapping(target, anchor))));
      } else {
        pair.target()
            .phrases()
            .forEach(phrase -> mappings.add(new PromptMapping(phrase, pair.anchor())));
      }
    }
    mappings.forEach(mapping -> kept.remove(mapping.target()));
    PromptEmbeddings embeddings = PromptEmbeddings.of(task.model());
    return sequences
        ? embeddings.sequences(new ArrayList<>(mappings), new ArrayList<>(kept))
        : embeddings.lastTokens(new ArrayList<>(mappings), new ArrayList<>(kept));
  }

  @Override
  public String toString() {
    return "closed form: " + name;
  }
}
