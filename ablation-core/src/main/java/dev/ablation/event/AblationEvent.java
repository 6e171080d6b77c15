package dev.ablation.event;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * An event of a run. Events hold plain values, so they can be stored, logged and sent elsewhere.
 */
public sealed interface AblationEvent {

  /**
   * The run passed its checks and begins.
   *
   * @param targets names of the targets, in an order that does not depend on their order in the
   *     plan
   * @param anchors names of the anchors, one for each target
   * @param anchorImages number of anchor images in the training set; 0 if the trainer uses none
   * @param steps number of training steps; 0 for a trainer without steps, such as a closed form
   */
  record Started(List<String> targets, List<String> anchors, int anchorImages, int steps)
      implements AblationEvent {

    /** Copies the lists. */
    public Started {
      targets = List.copyOf(targets);
      anchors = List.copyOf(anchors);
    }
  }

  /**
   * A problem that does not stop the run but that the user may want to fix, such as a truncated
   * prompt.
   *
   * @param message the problem and its cause
   */
  record Warning(String message) implements AblationEvent {}

  /**
   * Anchor images were generated. Training begins when all of them exist.
   *
   * @param done work done so far for all targets, in units such as sampling steps
   * @param total the total work in the same units
   * @param fromCache whether these images all came from a cache
   */
  record AnchorsProgressed(long done, long total, boolean fromCache) implements AblationEvent {}

  /**
   * The evaluation after training generated images or begins an attack.
   *
   * @param task name of the subject or the attack
   * @param done number of images or attacks finished
   * @param total number of images or attacks in total
   */
  record EvaluationProgressed(String task, int done, int total) implements AblationEvent {}

  /**
   * The run continues from a checkpoint of an interrupted run of the same plan.
   *
   * @param step the last completed step, 0 if training starts at the first step
   * @param checkpoint the file that the state was read from
   */
  record Resumed(int step, Path checkpoint) implements AblationEvent {}

  /**
   * A training step was completed.
   *
   * @param step number of the step, from 1
   * @param steps total number of steps
   * @param loss loss of this step's batch
   * @param gradientNorm 2-norm of all gradients together, before clipping
   * @param learningRate learning rate of this step
   * @param elapsed time since training began or, after a resume, since it continued
   */
  record StepCompleted(
      int step, int steps, double loss, double gradientNorm, double learningRate, Duration elapsed)
      implements AblationEvent {}

  /**
   * A value was measured on the model during training.
   *
   * @param step the step after which it was measured
   * @param name name of the value
   * @param value the value, any number
   */
  record Measured(int step, String name, double value) implements AblationEvent {}

  /**
   * The model under training generated sample images.
   *
   * @param step the step after which they were generated, 0 for before the first
   * @param files the image files, one for each prompt
   */
  record SamplesDrawn(int step, List<Path> files) implements AblationEvent {

    /** Copies the list. */
    public SamplesDrawn {
      files = List.copyOf(files);
    }
  }

  /**
   * A checkpoint was written to disk.
   *
   * @param step the step after which training continues from it, 0 if it holds only the anchor
   *     images
   * @param checkpoint the file
   */
  record CheckpointSaved(int step, Path checkpoint) implements AblationEvent {}

  /**
   * A monitor stopped training.
   *
   * @param step the step after which training stopped
   * @param resultStep the step whose weights are the result
   * @param reason the monitor's reason
   */
  record EarlyStopped(int step, int resultStep, String reason) implements AblationEvent {}

  /**
   * The run completed successfully.
   *
   * @param steps number of training steps
   * @param elapsed time since the run began
   */
  record Completed(int steps, Duration elapsed) implements AblationEvent {}

  /**
   * The run failed with an exception, which the caller receives too.
   *
   * @param error the exception
   */
  record Failed(Throwable error) implements AblationEvent {}
}
