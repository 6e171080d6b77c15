package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.google.common.base.Preconditions;
import com.google.common.hash.Hashing;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.delta.WeightChange;
import dev.ablation.delta.WeightFactor;
import dev.ablation.event.AblationEvent;
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
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * A trainer that edits the keys and values of cross-attention in closed form: it encodes prompts,
 * solves one linear system, and multiplies the solution into every key and value. It draws no
 * images and evaluates no denoising network, so it takes seconds. Where one factor changes all
 * weights, the delta stores that factor alone.
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

  /** How the prompts of a task become an edit. */
  private interface Method {
    WeightEdit edit(Prompts prompts, NDList weights);
  }

  /** What is mapped and what is kept, and what encodes it. */
  private record Prompts(
      PromptEmbeddings embeddings, List<PromptMapping> mappings, List<String> kept) {
    EmbeddingSums sequences() {
      return embeddings.sequences(mappings, kept);
    }

    EmbeddingSums lastTokens() {
      return embeddings.lastTokens(mappings, kept);
    }
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
    return new ClosedForm(
        settings.toString(),
        true,
        (prompts, weights) -> settings.edit(prompts.sequences()),
        List.of());
  }

  /**
   * Edits by UCE (Gandikota et al., <i>Unified Concept Editing in Diffusion Models</i>, WACV 2024,
   * arXiv 2308.14761): maps the embedding of the last token of the target's name to the anchor's.
   *
   * @param settings of the edit
   * @return the trainer
   */
  public static ClosedForm uce(Uce settings) {
    return new ClosedForm(
        settings.toString(),
        false,
        (prompts, weights) -> settings.replace(prompts.lastTokens()),
        List.of());
  }

  /**
   * Edits by RECE (Gong et al., ECCV 2024, arXiv 2407.12383), see {@link Rece}: a first edit by UCE
   * on the target's name and the positions after it, then the rounds; the result is that of the
   * last one. Give fewer rounds for less. Without preserved prompts the empty one is preserved, as
   * in the published code.
   *
   * @param settings of the rounds
   * @param first settings of the first edit; the published code takes {@link Uce#defaults()}
   * @return the trainer
   */
  public static ClosedForm rece(Rece settings, Uce first) {
    return new ClosedForm(
        settings + ", first " + first,
        false,
        (prompts, weights) -> {
          List<String> kept = prompts.kept().isEmpty() ? List.of("") : prompts.kept();
          PromptEmbeddings embeddings = prompts.embeddings();
          SharedFactor start = first.replace(embeddings.subjectRows(prompts.mappings(), kept));
          List<SharedFactor> rounds =
              settings.edits(weights, start, embeddings.sequences(prompts.mappings(), kept));
          return rounds.get(rounds.size() - 1);
        },
        List.of());
  }

  /**
   * Rotates the target's name out of the keys and values, see {@link OrthogonalErasure}.
   *
   * @param settings of the edit
   * @return the trainer
   */
  public static ClosedForm orthogonal(OrthogonalErasure settings) {
    return new ClosedForm(
        settings.toString(),
        false,
        (prompts, weights) -> settings.edit(prompts.lastTokens()),
        List.of());
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
    Prompts prompts = prompts(task);
    int width = prompts.embeddings().width();
    Map<String, WeightChange> changes = new LinkedHashMap<>();
    try (NDManager scope = task.model().newScope()) {
      NDList weights = new NDList();
      for (WeightInfo info : task.weights()) {
        NDArray weight = task.model().weights().copy(info.name(), scope);
        weights.add(axis(info, width) == 0 ? weight.transpose() : weight);
      }
      WeightEdit edit = method.edit(prompts, weights);
      task.checkCancelled();
      // A delta's factor is relative to the base model, so not to what is applied to it now.
      boolean base =
          task.weights().stream().noneMatch(info -> task.model().weights().isBound(info.name()));
      if (base && edit instanceof SharedFactor shared && isSmall(shared, task.weights())) {
        WeightFactor factor = factor(shared, task.resultScope());
        for (WeightInfo info : task.weights()) {
          changes.put(
              info.name(), WeightChange.multiplying(factor, info.shape(), axis(info, width)));
        }
        return TrainingResult.of(changes);
      }
      NDList edited = edit.apply(weights, scope);
      for (int i = 0; i < edited.size(); i++) {
        NDArray weight = edited.get(i);
        if (axis(task.weights().get(i), width) == 0) {
          weight = weight.transpose().duplicate();
        }
        weight.attach(task.resultScope());
        changes.put(task.weights().get(i).name(), WeightChange.replacing(weight));
      }
    }
    return TrainingResult.of(changes);
  }

  /** Whether the factor has fewer numbers than the weights that it changes. */
  private static boolean isSmall(SharedFactor factor, List<WeightInfo> weights) {
    return factor.numbers() < weights.stream().mapToLong(info -> info.shape().size()).sum();
  }

  private static WeightFactor factor(SharedFactor shared, NDManager owner) {
    try (NDManager scope = owner.newSubManager()) {
      Optional<NDList> slim = shared.lowRank(scope);
      return slim.isPresent()
          ? WeightFactor.of(narrow(slim.get().get(0), owner), narrow(slim.get().get(1), owner))
          : WeightFactor.of(narrow(shared.change(scope), owner));
    }
  }

  private static NDArray narrow(NDArray wide, NDManager owner) {
    NDArray narrow = wide.toType(DataType.FLOAT32, true);
    narrow.attach(owner);
    return narrow;
  }

  /**
   * The axis of the embeddings: published networks keep (rows, D); a network that multiplies from
   * the left keeps (D, rows).
   */
  private static int axis(WeightInfo info, int width) {
    return info.shape().get(1) != width && info.shape().get(0) == width ? 0 : 1;
  }

  private Prompts prompts(TrainingTask task) {
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
    List<String> targets = mappings.stream().map(PromptMapping::target).toList();
    List<String> both = targets.stream().filter(kept::contains).distinct().toList();
    if (!both.isEmpty()) {
      both.forEach(kept::remove);
      task.emit(
          new AblationEvent.Warning(
              "%d prompts are to be preserved, but are the target's: they are not preserved, such as '%s'"
                  .formatted(both.size(), both.get(0))));
    }
    return new Prompts(PromptEmbeddings.of(task.model()), List.copyOf(mappings), List.copyOf(kept));
  }

  @Override
  public String toString() {
    return "closed form: " + name;
  }
}
