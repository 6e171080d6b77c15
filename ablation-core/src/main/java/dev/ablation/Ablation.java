package dev.ablation;

import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.event.AblationListener;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.Preset;
import dev.ablation.train.Trainer;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
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
public final class Ablation {
  private final Plan plan;

  private Ablation(Plan plan) {
    this.plan = plan;
  }

  static Ablation of(DiffusionModel model, Concept target, AnchorStrategy anchor) {
    return new Ablation(Plan.of(model, target, anchor));
  }

  /**
   * Takes objective, weights and training from a preset. A default plan has {@link
   * Preset#diffusers}.
   *
   * @param preset published numbers
   * @return a changed plan
   */
  public Ablation preset(Preset preset) {
    return new Ablation(plan.withPreset(preset));
  }

  /**
   * Changes the loss.
   *
   * @param objective such as {@code AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS)}
   * @return a changed plan
   * @throws IllegalArgumentException if the objective is a lambda without a name, see {@link
   *     AblationObjective#named}
   */
  public Ablation objective(AblationObjective objective) {
    return new Ablation(plan.withObjective(objective));
  }

  /**
   * Changes the weights that are trained.
   *
   * @param weights such as {@code WeightGroup.crossAttentionKeyValue()}
   * @return a changed plan
   */
  public Ablation weights(WeightGroup weights) {
    return new Ablation(plan.withWeights(weights));
  }

  /**
   * Changes the trainer.
   *
   * @param trainer finds the change of the weights
   * @return a changed plan
   */
  public Ablation trainer(Trainer trainer) {
    return new Ablation(plan.withTrainer(trainer));
  }

  /**
   * Adjusts the gradient trainer: {@code training(t -> t.steps(400).learningRate(2e-6))}.
   *
   * @param change from the present settings to the new ones
   * @return a changed plan
   * @throws IllegalStateException if the plan has another kind of trainer
   */
  public Ablation training(UnaryOperator<GradientTrainer> change) {
    if (!(plan.trainer() instanceof GradientTrainer gradient)) {
      throw new IllegalStateException(
          "training(...) adjusts a GradientTrainer, but the plan has " + plan.trainer());
    }
    return trainer(change.apply(gradient));
  }

  /**
   * Changes the seed that everything random is derived from; 0 unless changed.
   *
   * @param seed any number
   * @return a changed plan
   */
  public Ablation seed(long seed) {
    return new Ablation(plan.withSeed(seed));
  }

  /**
   * Adds a listener, called after those added before.
   *
   * @param listener hears of every event on the run's thread
   * @return a changed plan
   */
  public Ablation listener(AblationListener listener) {
    return new Ablation(plan.withListener(listener));
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
    return new Ablation(plan.withCheckpoints(checkpoints));
  }

  /** {@return what is removed} */
  public Concept target() {
    return plan.target();
  }

  /** {@return what is drawn instead} */
  public AnchorStrategy anchor() {
    return plan.anchor();
  }

  /** {@return everything that shapes a run, as provenance keeps it} */
  public Map<String, String> settings() {
    return plan.settings();
  }

  /**
   * Runs to the end on the calling thread: checks the whole plan, prepares the anchor pictures,
   * trains. Whatever happens, the model afterwards holds the weights it had before.
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
    return new PlanRun(plan, () -> false).run();
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
        CompletableFuture.supplyAsync(new PlanRun(plan, cancelled::get)::run, executor);
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
