package dev.ablation.spark;

import dev.ablation.job.AblationJob;
import dev.ablation.job.InvalidJobException;
import dev.ablation.job.JobModel;
import dev.ablation.job.JobSession;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The models that are open in this JVM: one for each device, opened for the first task and kept for
 * the next ones. Tasks that share a device take turns. A job with another model closes the open one
 * first, so that memory holds one.
 */
final class ExecutorModels {
  private static final Map<String, ExecutorModels> BY_DEVICE = new HashMap<>();

  private final ReentrantLock turn = new ReentrantLock(true);
  private @Nullable JobModel source;
  private @Nullable DiffusionModel model;

  /** By evaluator. */
  private final Map<String, JobSession> sessions = new HashMap<>();

  private ExecutorModels() {}

  /** Works with an open model. */
  @FunctionalInterface
  interface Work<T> {
    T with(JobSession session) throws IOException;
  }

  /**
   * Works on a task with its model and evaluator.
   *
   * @throws MachineException if they cannot be opened here
   * @throws TaskCancelledException if the task was cancelled while it waited for its turn
   */
  static <T> T use(Task task, Work<T> work) throws IOException {
    AblationJob job = task.job();
    JobModel placed = Executors.placed(job.model());
    ExecutorModels models;
    synchronized (BY_DEVICE) {
      models =
          BY_DEVICE.computeIfAbsent(
              Objects.requireNonNull(placed.device()), device -> new ExecutorModels());
    }
    try {
      models.turn.lockInterruptibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TaskCancelledException();
    }
    try {
      return work.with(models.session(task, job.model(placed)));
    } finally {
      models.turn.unlock();
    }
  }

  private JobSession session(Task task, AblationJob job) {
    try {
      open(task, job.model());
      String evaluator = JobSession.evaluatorOf(job);
      JobSession session = sessions.get(evaluator);
      if (session == null) {
        session = JobSession.open(job, Objects.requireNonNull(model));
        sessions.put(evaluator, session);
      }
      return session.sharedWith(job);
    } catch (InvalidJobException e) {
      throw e; // wherever it runs
    } catch (MachineException e) {
      throw e;
    } catch (IOException | RuntimeException | LinkageError e) {
      throw new MachineException(
          "%s cannot open the model '%s': %s%s"
              .formatted(Executors.name(), job.model().location(), e.getMessage(), advice(e)),
          e);
    }
  }

  /** What helps beside what the message says. */
  private static String advice(Throwable e) {
    if (e instanceof IOException) {
      return "; a model must lie under the same path on every machine, such as in a shared folder";
    }
    String message = String.valueOf(e.getMessage());
    return message.contains("native library")
        ? "; with Spark, name the artifact in --packages or --jars, or set the variable by"
            + " spark.executorEnv.PYTORCH_LIBRARY_PATH"
        : "";
  }

  private void open(Task task, JobModel wanted) throws IOException {
    JobModel any = wanted.movedTo(wanted.location()); // whatever the job says of its hash
    if (any.equals(source) && model != null) {
      ModelPin.check(task, any, model.weights().sha256());
      return;
    }
    close();
    DiffusionModel opened = JobSession.openModel(any);
    try {
      ModelPin.check(task, any, opened.weights().sha256());
    } catch (IOException | RuntimeException | Error e) {
      opened.close();
      throw e;
    }
    model = opened;
    source = any;
  }

  private void close() {
    sessions.values().forEach(JobSession::close);
    sessions.clear();
    if (model != null) {
      model.close();
    }
    model = null;
    source = null;
  }

  /** Closes what is open in this JVM, for tests of it. */
  static void closeAll() {
    synchronized (BY_DEVICE) {
      for (ExecutorModels each : BY_DEVICE.values()) {
        each.turn.lock();
        try {
          each.close();
        } finally {
          each.turn.unlock();
        }
      }
    }
  }
}
