package dev.ablation.event;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Something that happened in a run. Plain values, so that events can be kept, logged and sent on.
 */
public sealed interface AblationEvent {

  /**
   * The run was checked and begins.
   *
   * @param targets names of what is removed, in an order that does not depend on the plan's
   * @param anchors names of what is drawn instead of each
   * @param anchorImages how many anchor images training uses, 0 if the trainer looks at none
   * @param steps how many training steps there are; 0 if the trainer makes none, as a closed form,
   *     so that there is nothing to count up to
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
   * Something that the user may want to change, such as a prompt that is cut.
   *
   * @param message what and why
   */
  record Warning(String message) implements AblationEvent {}

  /**
   * Anchor images were drawn; training begins when all are.
   *
   * @param done how much of the work for all targets is done, such as in steps of the sampler
   * @param total how much there is
   * @param fromCache whether these images were read from a cache at once
   */
  record AnchorsProgressed(long done, long total, boolean fromCache) implements AblationEvent {}

  /**
   * Images of the evaluation after training were drawn, or an attempt to bring the target back
   * begins.
   *
   * @param task name of the subject or the attempt
   * @param done images or attempts done so far
   * @param total how many there are
   */
  record EvaluationProgressed(String task, int done, int total) implements AblationEvent {}

  /**
   * The run goes on where an interrupted run of the same plan stopped.
   *
   * @param step the last one that is not made again, 0 if training begins
   * @param checkpoint the file that the state was read from
   */
  record Resumed(int step, Path checkpoint) implements AblationEvent {}

  /**
   * A training step was made.
   *
   * @param step 1 for the first
   * @param steps how many there are
   * @param loss of this step's batch
   * @param gradientNorm total 2-norm before clipping
   * @param learningRate of this step
   * @param elapsed since training began, or was continued
   */
  record StepCompleted(
      int step, int steps, double loss, double gradientNorm, double learningRate, Duration elapsed)
      implements AblationEvent {}

  /**
   * A value was measured on the model under training.
   *
   * @param step after which it was measured
   * @param name of what was measured
   * @param value any number
   */
  record Measured(int step, String name, double value) implements AblationEvent {}

  /**
   * Images were drawn with the model under training.
   *
   * @param step after which they were drawn, 0 before the first
   * @param files one a prompt
   */
  record SamplesDrawn(int step, List<Path> files) implements AblationEvent {

    /** Copies the list. */
    public SamplesDrawn {
      files = List.copyOf(files);
    }
  }

  /**
   * A checkpoint lies on the disk.
   *
   * @param step that it continues after, 0 when the anchor images are ready
   * @param checkpoint the file
   */
  record CheckpointSaved(int step, Path checkpoint) implements AblationEvent {}

  /**
   * A monitor stopped training.
   *
   * @param step after which it stopped
   * @param resultStep whose weights are the result
   * @param reason in the monitor's words
   */
  record EarlyStopped(int step, int resultStep, String reason) implements AblationEvent {}

  /**
   * The run ended well.
   *
   * @param steps made, 0 if the trainer makes none
   * @param elapsed since the run began
   */
  record Completed(int steps, Duration elapsed) implements AblationEvent {}

  /**
   * The run ended by an exception, which the caller receives too.
   *
   * @param error the exception
   */
  record Failed(Throwable error) implements AblationEvent {}
}
