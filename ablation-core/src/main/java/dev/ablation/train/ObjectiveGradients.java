package dev.ablation.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.objective.TrainingBatch;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of the plan's objective on batches of anchor images.
 *
 * @param average of the weights under training; {@code null} if there is none
 */
record ObjectiveGradients(
    GradientTrainer trainer,
    TrainingTask task,
    TrainingSession session,
    TextEmbeddings texts,
    TeacherPredictions teacher,
    @Nullable ExponentialAverage average)
    implements StepGradients {

  @Override
  public Gradients of(int step, NDManager scope) {
    int pairs = trainer.pairsPerStep();
    int source = teacher.source(step);
    TrainingBatch batch = task.batches().batch(source, pairs, scope);
    Optional<TrainingBatch> prior =
        task.objective().usesPriorBatch()
            ? task.batches().priorBatch(source, pairs, scope)
            : Optional.empty();
    return trainer.accumulation() == 1
        ? gradients(batch, prior, step, 0, scope)
        : accumulated(batch, prior, step, scope);
  }

  private Gradients gradients(
      TrainingBatch batch, Optional<TrainingBatch> prior, int step, int part, NDManager scope) {
    TrainingStep context =
        new TrainingStep(
            task.model(),
            session,
            texts,
            batch,
            prior,
            scope,
            teacher.of(step, part),
            new StepExtras(average, task.seed(), step, part));
    return session.gradients(() -> task.objective().loss(context), scope);
  }

  /** The mean over batches of equal size; only one is in memory at a time. */
  private Gradients accumulated(
      TrainingBatch batch, Optional<TrainingBatch> prior, int step, NDManager scope) {
    int count = trainer.accumulation();
    NDList sums = new NDList();
    double loss = 0;
    for (int i = 0; i < count; i++) {
      int part = i;
      try (NDManager small = scope.newSubManager()) {
        Gradients gradients =
            gradients(
                MicroBatch.of(batch, part, count, small),
                prior.map(whole -> MicroBatch.of(whole, part, count, small)),
                step,
                part,
                small);
        loss += gradients.loss() / count;
        session.withoutGradients(() -> add(gradients.values(), sums, scope));
      }
    }
    session.withoutGradients(() -> {
      sums.forEach(sum -> sum.divi(count));
      return sums;
    });
    return new Gradients(loss, sums);
  }

  private static NDList add(NDList gradients, NDList sums, NDManager scope) {
    for (int i = 0; i < gradients.size(); i++) {
      if (sums.size() <= i) {
        NDArray copy = gradients.get(i).duplicate();
        copy.attach(scope);
        sums.add(copy);
      } else {
        sums.get(i).addi(gradients.get(i));
      }
    }
    return sums;
  }
}
