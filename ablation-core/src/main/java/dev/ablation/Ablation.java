package dev.ablation;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.augment.MaskSampling;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.concept.Preservation;
import dev.ablation.delta.ConceptGate;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.event.AblationListener;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.run.Plan;
import dev.ablation.schedule.TimestepSampling;
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
 * plan, so a plan can be stored and varied.
 *
 * {@snippet class="dev.ablation.Snippets" region="plan"}
 *
 * <p>A run does not change the model: it trains copies of the chosen weights and returns the
 * difference. During a run, nothing else may use the model.
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
   * Names a further concept to remove in the same run. Every target has its own anchor and, over a
   * few steps, the same share of the images. The order of the targets does not matter.
   *
   * {@snippet class="dev.ablation.Snippets" region="several-targets"}
   *
   * @param concept such as {@code Concept.style("Van Gogh")}
   * @return a stage that takes the anchor; it rejects a target that the plan already has
   */
  public Ablator.AnchorStage andTarget(Concept concept) {
    Objects.requireNonNull(concept, "target");
    return anchor -> new Ablation(plan.pair(concept, anchor));
  }

  /**
   * Names a further instance to remove; short for {@code andTarget(Concept.instance(name))}.
   *
   * @param name such as {@code "grumpy cat"}
   * @return a stage that takes the anchor
   */
  public Ablator.AnchorStage andTarget(String name) {
    return andTarget(Concept.instance(name));
  }

  /**
   * Preserves concepts with weight 1; short for {@code preserve(Preservation.of(concepts))}.
   *
   * @param concepts at least one, such as neighbours of the target
   * @return the changed plan
   */
  public Ablation preserve(Concept... concepts) {
    return preserve(Preservation.of(concepts));
  }

  /**
   * Preserves the images of some concepts or prompts: adds a term to the loss, with any objective,
   * or passes their prompts to a trainer without an objective. Replaces earlier preservation.
   *
   * {@snippet class="dev.ablation.Snippets" region="preserve"}
   *
   * @param preservation what to preserve, and its weight
   * @return the changed plan
   */
  public Ablation preserve(Preservation preservation) {
    return new Ablation(plan.preservation(preservation));
  }

  /**
   * Takes the objective, weights, training settings and all unset options of concepts and anchors
   * from a preset. The default is {@link Preset#standard}. Replaces earlier settings of {@link
   * #objective}, {@link #weights}, {@link #trainer} and {@link #training}; explicit settings of a
   * concept or an anchor remain.
   *
   * @param preset published settings
   * @return the changed plan
   */
  public Ablation preset(Preset preset) {
    Objects.requireNonNull(preset, "preset");
    return preset(kind -> preset);
  }

  /**
   * Takes the preset of each target's kind: {@code preset(Preset::paper)}. If the presets of
   * several kinds differ in objective, weights or training, set that part explicitly.
   *
   * @param presets such as {@code Preset::paper}
   * @return the changed plan
   * @throws IllegalArgumentException if there are no published settings for the kind of a target
   */
  public Ablation preset(Function<ConceptKind, Preset> presets) {
    return new Ablation(plan.presets(presets));
  }

  /**
   * Chooses what happens to anchor prompts from which no target prompt can be derived, such as
   * prompts without the anchor's name for an instance. By default they are errors.
   *
   * @param drop whether they are dropped with a warning; default {@code false}
   * @return the changed plan
   */
  public Ablation dropUnmatchedPrompts(boolean drop) {
    return new Ablation(plan.dropsUnmatched(drop));
  }

  /**
   * Changes the loss. With a trainer that does not minimise an objective (see {@link
   * dev.ablation.train.TrainerRequirements#objective()}), {@link #check} reports it as a problem.
   *
   * @param objective such as {@code AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS)}
   * @return the changed plan
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
   * @return the changed plan
   */
  public Ablation weights(WeightGroup weights) {
    return new Ablation(plan.weights(weights));
  }

  /**
   * Changes the trainer. Anchor images are drawn, and the model is required to be differentiable,
   * only if {@link Trainer#requirements} says so.
   *
   * @param trainer computes the change of the weights
   * @return the changed plan
   */
  public Ablation trainer(Trainer trainer) {
    return new Ablation(plan.trainer(trainer));
  }

  /**
   * Adjusts the gradient trainer: {@code training(t -> t.steps(400).learningRate(2e-6))}.
   *
   * @param change from the current settings to the new ones
   * @return the changed plan
   * @throws IllegalStateException if the plan's trainer is not a {@link GradientTrainer}
   */
  public Ablation training(UnaryOperator<GradientTrainer> change) {
    return new Ablation(plan.training(change));
  }

  /**
   * Changes how training draws timesteps, and with them noise levels. By default as the model was
   * trained, see {@link dev.ablation.schedule.NoiseSchedule#timestepSampling()}: logit-normal for a
   * rectified flow, else uniform.
   *
   * @param sampling such as {@code TimestepSampling.logitNormal(0, 1)} or {@code
   *     TimestepSampling.uniform(0.5, 1)}
   * @return the changed plan
   */
  public Ablation timestepSampling(TimestepSampling sampling) {
    return new Ablation(plan.timestepSampling(sampling));
  }

  /**
   * Changes which parts of its anchor images an inpainting model draws in training. By default
   * {@link MaskSampling#shapes()}. Such a model sees the rest of the image; other models reject the
   * setting.
   *
   * @param masks such as {@code MaskSampling.shapes(1)} for all of every image
   * @return the changed plan
   */
  public Ablation inpaintingMasks(MaskSampling masks) {
    return new Ablation(plan.inpaintingMasks(masks));
  }

  /**
   * Changes the seed from which all random streams are derived; default 0.
   *
   * @param seed any number
   * @return the changed plan
   */
  public Ablation seed(long seed) {
    return new Ablation(plan.seed(seed));
  }

  /**
   * Gives the delta a gate: it is drawn with, and evaluated, as far as a prompt asks for it.
   * Training itself knows no gate.
   *
   * @param gate how strongly a prompt asks for the delta, such as that of SPM's adapters
   * @return the changed plan
   */
  public Ablation gatedBy(ConceptGate gate) {
    return new Ablation(plan.gatedBy(gate));
  }

  /**
   * Adds a listener, called after those added before.
   *
   * @param listener receives every event on the run's thread
   * @return the changed plan
   */
  public Ablation listener(AblationListener listener) {
    return new Ablation(plan.listener(listener));
  }

  /**
   * Saves the state of a run in a folder, so that it can be cancelled or killed at any time: the
   * same plan, started again, continues from the newest checkpoint and produces the same delta. By
   * default a run saves nothing.
   *
   * @param checkpoints such as {@code Checkpoints.in(folder).every(50).keep(3)}
   * @return the changed plan
   */
  public Ablation checkpoints(Checkpoints checkpoints) {
    return new Ablation(plan.checkpoints(checkpoints));
  }

  /**
   * Evaluates the result after training: draws images with the base model and with the delta
   * applied and measures both, see {@link AblationResult#evaluation()}. Targets, anchors and their
   * prompts are those of the plan unless the evaluation has its own. It affects neither the delta
   * nor its provenance. If it fails or is cancelled after training, there is a warning and the
   * result has no evaluation.
   *
   * {@snippet class="dev.ablation.EvaluationSnippets" region="evaluate"}
   *
   * @param evaluation neighbours, unrelated prompts, metrics, protocol
   * @return the changed plan
   */
  public Ablation evaluate(Evaluation evaluation) {
    return new Ablation(plan.evaluation(evaluation));
  }

  /** {@return the targets with their anchors, in the order in which they were added} */
  public List<TargetAnchor> pairs() {
    return plan.pairs();
  }

  /** {@return all settings that affect the result of a run, as stored in provenance} */
  public Map<String, String> settings() {
    return plan.settings();
  }

  /**
   * Checks the plan, as a run does before it starts.
   *
   * @return all problems; empty if the plan can run
   */
  public List<String> check() {
    return plan.problems();
  }

  /**
   * Estimates the cost of a run: counts weights, images and forward passes; if the trainer makes
   * steps, makes one to warm up and measures the time and memory of two more; and lists all
   * problems of the plan. It draws only the sample images of an anchor with a judge, and does not
   * change the model. It ignores existing checkpoints.
   *
   * {@snippet class="dev.ablation.Snippets" region="estimate"}
   *
   * @return the estimate, with its problems; they are not thrown
   * @throws CancellationException if the thread is interrupted; the interrupt flag stays set
   * @throws IllegalStateException if the model is in use by a run, or closed
   */
  public Estimate estimate() {
    return new Estimate(plan.cost());
  }

  /**
   * Runs to completion on the calling thread: checks the whole plan, prepares the anchor images if
   * the trainer requires them, and trains. Afterwards the model always has its original weights.
   *
   * @return the result; the caller closes it
   * @throws IllegalArgumentException if the plan cannot run, with all its problems; thrown before
   *     any long work
   * @throws dev.ablation.error.UnsupportedCapabilityException if the model lacks something that the
   *     plan needs; thrown before any long work
   * @throws dev.ablation.train.TrainingDivergedException if the loss is no longer finite
   * @throws CancellationException if the thread is interrupted; the interrupt flag stays set
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
   * Runs on an executor. The library creates no threads.
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
