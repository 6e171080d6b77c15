package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Losses;
import dev.ablation.objective.ObjectiveContext;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.random.RandomStreams;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Trains a layer of the text encoder until the target's prompts are encoded like the anchor's, as
 * HiRM does (<i>High-level Representation Misdirection</i>, ICLR 2026), with weights from {@link
 * dev.ablation.model.WeightGroup#firstTextLayer()}. It draws no images and never evaluates the
 * denoising network, so that it takes seconds; other models that use the same text encoder lose the
 * target too.
 *
 * {@snippet class="dev.ablation.train.RepresentationMisdirectionTest" region="misdirection"}
 *
 * <p>The loss is the squared distance of a prompt's text embeddings, as the network sees them, from
 * those that they must become: summed over the width, averaged over positions and prompts. Prompts
 * that the plan preserves add theirs from what they were, by the plan's weight.
 *
 * <p><b>Whoever draws with the original text encoder has the target back.</b> A warning and the
 * provenance say so. Immutable; a method with an argument returns a copy with that value.
 */
@CheckReturnValue
public final class RepresentationMisdirection implements StepwiseTrainer {
  private static final String CAUTION =
      "the text encoder alone is changed: whoever draws with the original text encoder has the"
          + " target back";

  private final @Nullable Double norm;
  private final GradientTrainer training;

  private RepresentationMisdirection(@Nullable Double norm, GradientTrainer training) {
    this.norm = norm;
    this.training = training;
  }

  /**
   * {@return the trainer that leads the target's prompts to the embeddings of the anchor's
   * (HiRM-S); 30 steps of 8 prompts, at the published learning rate of 5e-5}
   */
  public static RepresentationMisdirection toAnchor() {
    return new RepresentationMisdirection(null, usual(30));
  }

  /**
   * Returns the trainer that leads the target's prompts to a random direction at each position, the
   * same in every step (HiRM-R): 40 steps of 8 prompts, at the published learning rate of 5e-5.
   *
   * @param norm of the embeddings to reach, positive; published: 500
   * @return the trainer
   */
  public static RepresentationMisdirection toRandom(double norm) {
    Preconditions.checkArgument(
        norm > 0 && Double.isFinite(norm), "norm must be positive and finite, was %s", norm);
    return new RepresentationMisdirection(norm, usual(40));
  }

  private static GradientTrainer usual(int steps) {
    return GradientTrainer.defaults().steps(steps).learningRate(5e-5);
  }

  /**
   * Changes the settings of gradient descent, such as steps, learning rate and monitors.
   *
   * @param change from the present settings to other ones
   * @return a copy with the given settings
   */
  public RepresentationMisdirection training(UnaryOperator<GradientTrainer> change) {
    return new RepresentationMisdirection(norm, change.apply(training));
  }

  @Override
  public int steps() {
    return training.steps();
  }

  @Override
  public RepresentationMisdirection sample(int steps) {
    return new RepresentationMisdirection(norm, training.sample(steps));
  }

  @Override
  public long stateBytes(long numbers) {
    return training.stateBytes(numbers);
  }

  @Override
  public long bytesBeyondSample(long numbers) {
    return training.bytesBeyondSample(numbers);
  }

  @Override
  public TrainerRequirements requirements() {
    return training.requirements().anchorImages(false).objective(false);
  }

  @Override
  public List<String> problems(DiffusionModel model, List<WeightInfo> weights) {
    List<String> problems = new ArrayList<>(training.problems(model, weights));
    weights.stream()
        .filter(weight -> weight.role() != WeightRole.TEXT_ENCODER)
        .findFirst()
        .ifPresent(weight ->
            problems.add(
                "representation misdirection trains weights of a text encoder, such as WeightGroup.firstTextLayer(); %s has the role %s"
                    .formatted(weight.name(), weight.role())));
    return problems;
  }

  @Override
  public Map<String, String> settings() {
    Map<String, String> settings = new TreeMap<>(training.settings());
    settings.put("training.method", toString());
    settings.put("training.caution", CAUTION);
    return settings;
  }

  @Override
  public TrainingResult train(TrainingTask task) {
    task.emit(new AblationEvent.Warning(CAUTION));
    return training.train(
        new DerivedTask(
            task,
            AblationObjective.named(toString(), context -> loss(context, task)),
            (step, size, scope) -> prompts(task, step, size, scope),
            task.resultScope(),
            true));
  }

  private NDArray loss(ObjectiveContext context, TrainingTask task) {
    TrainingBatch batch = context.batch();
    NDArray states = context.encode(batch.targetPrompts()).textEmbeddings();
    NDArray aims =
        norm == null
            ? frozen(context, batch.anchorPrompts())
            : directions(states.getShape(), norm, task.seed(), context.scope());
    NDArray loss = distance(states, aims);
    List<String> preserved = batch.preservedPrompts();
    if (preserved.isEmpty()) {
      return loss;
    }
    NDArray change =
        distance(context.encode(preserved).textEmbeddings(), frozen(context, preserved));
    return loss.add(Losses.scaled(change, task.preservationWeight()));
  }

  private static NDArray frozen(ObjectiveContext context, List<String> prompts) {
    return context.encode(Teacher.FROZEN_WEIGHTS, prompts).textEmbeddings();
  }

  private static NDArray distance(NDArray states, NDArray aims) {
    return states.sub(aims).square().sum(new int[] {2}).mean();
  }

  /** The same for all prompts, (1, T, D). */
  private static NDArray directions(Shape states, double norm, long seed, NDManager scope) {
    Shape one = new Shape(1, states.get(1), states.get(2));
    NDArray random =
        RandomStreams.gaussian(scope, one, RandomStreams.stream(seed, "directions", 0));
    return random.div(random.norm(new int[] {2}, true)).mul((float) norm);
  }

  /** Prompts alone: the network, and so the latents, have no part in the loss. */
  private static TrainingBatch prompts(TrainingTask task, int step, int size, NDManager scope) {
    RandomGenerator random = RandomStreams.stream(task.seed(), "pairs", step);
    List<String> anchors = new ArrayList<>();
    List<String> targets = new ArrayList<>();
    List<String> preserved = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      long place = (step - 1L) * size + i;
      TrainingPair pair = task.pairs().get((int) (place % task.pairs().size()));
      String anchor = any(pair.anchorPrompts(), random);
      anchors.add(anchor);
      targets.add(any(Objects.requireNonNull(pair.prompts().get(anchor)), random));
      if (!pair.preservedPrompts().isEmpty()) {
        preserved.add(any(pair.preservedPrompts(), random));
      }
    }
    ModelDescriptor model = task.model().descriptor();
    NDArray latents =
        scope.zeros(
            new Shape(size, model.latentChannels(), model.latentHeight(), model.latentWidth()));
    TrainingBatch batch =
        new TrainingBatch(
            latents,
            latents,
            task.model().schedule().toArray(new double[size], scope),
            anchors,
            targets);
    return preserved.size() == size ? batch.preservedPrompts(preserved) : batch;
  }

  private static String any(List<String> prompts, RandomGenerator random) {
    return prompts.get(random.nextInt(prompts.size()));
  }

  @Override
  public String toString() {
    return norm == null
        ? "representation misdirection to the anchor"
        : "representation misdirection to random directions of norm " + norm;
  }
}
