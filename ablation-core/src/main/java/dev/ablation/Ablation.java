package dev.ablation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.Preservation;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.event.AblationListener;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.run.Plan;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.Preset;
import dev.ablation.train.Trainer;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * A complete, immutable description of one ablation. Every method that changes it returns a new
 * value, so that a plan can be kept and forked.
 *
 * {@snippet class="dev.ablation.Snippets" region="plan"}
 *
 * <p>A run does not change the model: it trains copies of the chosen weights and returns the
 * difference. While it runs, the model belongs to it alone.
 */
@CheckReturnValue
public final class Ablation {
  private final Plan plan;

  private Ablation(Plan plan) {
    this.plan = plan;
  }

  static Ablation of(DiffusionModel model, Concept target, AnchorStrategy anchor) {
    return new Ablation(Plan.of(model, target, anchor));
  }

  /**
   * Names a further concept to remove in the same run. Every target has its own anchor and, after a
   * few steps, the same share of the images; in which order they are named makes no difference.
   *
   * {@snippet class="dev.ablation.Snippets" region="several-targets"}
   *
   * @param concept such as {@code Concept.style("Van Gogh")}
   * @return what is still missing: its anchor, which refuses a target that the plan has already
   */
  public Ablator.AnchorStage andTarget(Concept concept) {
    Objects.requireNonNull(concept, "target");
    return anchor -> new Ablation(plan.pair(concept, anchor));
  }

  /**
   * Names a further instance to remove; short for {@code andTarget(Concept.instance(name))}.
   *
   * @param name such as {@code "grumpy cat"}
   * @return what is still missing: its anchor
   */
  public Ablator.AnchorStage andTarget(String name) {
    return andTarget(Concept.instance(name));
  }

  /**
   * Preserves concepts with weight 1; short for {@code preserve(Preservation.of(concepts))}.
   *
   * @param concepts at least one, such as neighbours of the target
   * @return a changed plan
   */
  public Ablation preserve(Concept... concepts) {
    return preserve(Preservation.of(concepts));
  }

  /**
   * Preserves what is drawn for some concepts or prompts: adds a term to the loss, whatever the
   * objective, or gives their prompts to a trainer without one. Takes the place of what was to be
   * preserved before.
   *
   * {@snippet class="dev.ablation.Snippets" region="preserve"}
   *
   * @param preservation what and how strongly
   * @return a changed plan
   */
  public Ablation preserve(Preservation preservation) {
    return new Ablation(plan.preservation(preservation));
  }

  /**
   * Takes objective, weights, training and whatever concepts and anchors leave open from a preset.
   * A plan has {@link Preset#standard} by default. What the plan was told before by {@link
   * #objective}, {@link #weights}, {@link #trainer} and {@link #training} is forgotten; what a
   * concept or an anchor was told stays.
   *
   * @param preset published numbers
   * @return a changed plan
   */
  public Ablation preset(Preset preset) {
    Objects.requireNonNull(preset, "preset");
    return preset(kind -> preset);
  }

  /**
   * Takes the preset of each target's kind: {@code preset(Preset::paper)}. Where the presets of
   * several kinds differ in objective, weights or training, that part is to be chosen too.
   *
   * @param presets such as {@code Preset::paper}
   * @return a changed plan
   * @throws IllegalArgumentException if there are no published numbers for the kind of a target
   */
  public Ablation preset(Function<ConceptKind, Preset> presets) {
    return new Ablation(plan.presets(presets));
  }

  /**
   * Chooses what happens to anchor prompts of which a target makes nothing, such as those without
   * the anchor's name for an instance. They are errors unless they are dropped with a warning.
   *
   * @param drop whether they are dropped; {@code false} unless changed
   * @return a changed plan
   */
  public Ablation dropUnmatchedPrompts(boolean drop) {
    return new Ablation(plan.dropsUnmatched(drop));
  }

  /**
   * Changes the loss. A trainer that minimises none, see {@link
   * dev.ablation.train.TrainerRequirements#objective()}, has no use for it: {@link #check} then
   * names it as a problem.
   *
   * @param objective such as {@code AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS)}
   * @return a changed plan
   * @throws IllegalArgumentException if the objective is a lambda without a name, see {@link
   *     AblationObjective#named}
   */
  public Ablation objective(AblationObjective objective) {
    return new Ablation(plan.objective(objective));
  }

  /**
   * Changes the weights that are trained.
   *
   * @param weights such as {@code WeightGroup.crossAttentionKeyValue()}
   * @return a changed plan
   */
  public Ablation weights(WeightGroup weights) {
    return new Ablation(plan.weights(weights));
  }

  /**
   * Changes the trainer. Anchor images are drawn, and the model is required to be differentiable,
   * only if {@link Trainer#requirements} says so.
   *
   * @param trainer finds the change of the weights
   * @return a changed plan
   */
  public Ablation trainer(Trainer trainer) {
    return new Ablation(plan.trainer(trainer));
  }

  /**
   * Adjusts the gradient trainer: {@code training(t -> t.steps(400).learningRate(2e-6))}.
   *
   * @param change from the present settings to the new ones
   * @return a changed plan
   * @throws IllegalStateException if the plan has another kind of trainer
   */
  public Ablation training(UnaryOperator<GradientTrainer> change) {
    return new Ablation(plan.training(change));
  }

  /**
   * Changes the seed that everything random is derived from; 0 unless changed.
   *
   * @param seed any number
   * @return a changed plan
   */
  public Ablation seed(long seed) {
    return new Ablation(plan.seed(seed));
  }

  /**
   * Adds a listener, called after those added before.
   *
   * @param listener hears of every event on the run's thread
   * @return a changed plan
   */
  public Ablation listener(AblationListener listener) {
    return new Ablation(plan.listener(listener));
  }

  /**
   * Keeps the state of a run in a folder, so that it can be cancelled or killed at any moment: the
   * same plan, started again, goes on from the newest checkpoint and ends with the same delta.
   * Without this a run keeps nothing.
   *
   * @param checkpoints such as {@code Checkpoints.in(folder).every(50).keep(3)}
   * @return a changed plan
   */
  public Ablation checkpoints(Checkpoints checkpoints) {
    return new Ablation(plan.checkpoints(checkpoints));
  }

  /**
   * Proves afterwards what the run did: draws and measures with the base model and with the delta,
   * see {@link AblationResult#evaluation()}. Targets, anchors and their prompts are the plan's
   * unless the evaluation names its own. It shapes neither the delta nor its provenance, and one
   * that fails or is cancelled after training costs nothing but itself: there is a warning, and the
   * result has none.
   *
   * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluate"}
   *
   * @param evaluation neighbours, unrelated prompts, metrics, protocol
   * @return a changed plan
   */
  public Ablation evaluate(Evaluation evaluation) {
    return new Ablation(plan.evaluation(evaluation));
  }

  /** {@return what is removed and what is drawn instead, in the order in which it was named} */
  public List<TargetAnchor> pairs() {
    return plan.pairs();
  }

  /** {@return everything that shapes a run, as provenance keeps it} */
  public Map<String, String> settings() {
    return plan.settings();
  }

  /**
   * Checks the plan, as a run does before any long work.
   *
   * @return everything that is wrong with it; empty if it can run
   */
  public List<String> check() {
    return plan.problems();
  }

  /**
   * Finds out what a run takes: counts weights, images and forward passes, makes one training step
   * to warm up and two whose time and memory are measured, if the trainer makes steps, and lists
   * everything that is wrong with the plan. Nothing is drawn but the sample of an anchor that has a
   * judge, and the model stays as it is. What the folder of checkpoints holds is not looked at.
   *
   * {@snippet class="dev.ablation.Snippets" region="estimate"}
   *
   * @return the estimate, with its problems; they are not thrown
   * @throws CancellationException if the thread is interrupted; the interrupt flag is kept
   * @throws IllegalStateException if the model is in use by a run, or closed
   */
  public Estimate estimate() {
    return new Estimate(plan.cost());
  }

  /**
   * Runs to the end on the calling thread: checks the whole plan, prepares the anchor images if the
   * trainer takes them, trains. Whatever happens, the model afterwards holds the weights it had
   * before.
   *
   * @return the result, closed by the caller
   * @throws IllegalArgumentException if the plan cannot work, naming everything that is wrong with
   *     it; thrown before any long work
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model lacks something that the
   *     plan needs; thrown before any long work
   * @throws dev.ablation.train.TrainingDivergedException if the loss stops being finite
   * @throws CancellationException if the thread is interrupted; the interrupt flag is kept
   * @throws dev.ablation.checkpoint.CheckpointMismatchException if the folder of the checkpoints
   *     belongs to another plan
   * @throws IllegalStateException if the model, or the folder of the checkpoints, is in use by
   *     another run, or the model closed
   * @throws UncheckedIOException if an anchor cache or a checkpoint cannot be read or written
   */
  public AblationResult run() {
    return new AblationResult(plan.run(() -> false));
  }

  /**
   * Runs on an executor. The library makes no threads of its own.
   *
   * @param executor runs the whole run as one task
   * @return a handle to wait for the result or to cancel
   */
  public AblationRun start(Executor executor) {
    AtomicBoolean cancelled = new AtomicBoolean();
    CompletableFuture<AblationResult> result =
        CompletableFuture.supplyAsync(() -> new AblationResult(plan.run(cancelled::get)), executor);
    return new AblationRun() {
      @Override
      public CompletionStage<AblationResult> result() {
        return result.minimalCompletionStage();
      }

      @Override
      public void cancel() {
        cancelled.set(true);
      }
    };
  }

  @Override
  public String toString() {
    return plan.toString();
  }
}
