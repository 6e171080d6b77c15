package dev.ablation.spark;

/** Spark no longer wants the task. */
final class TaskCancelledException extends RuntimeException {
  private static final long serialVersionUID = 1;

  TaskCancelledException() {
    super("the task was cancelled");
  }
}
