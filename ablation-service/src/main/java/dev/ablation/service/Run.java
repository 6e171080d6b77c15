package dev.ablation.service;

import dev.ablation.event.AblationEvent;
import dev.ablation.job.JobResult;
import dev.ablation.job.JobRun;
import dev.ablation.job.JobTarget;
import dev.ablation.job.Verdict;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;

/** The state of a run, which callers watch. */
final class Run {
  private static final int MOST_LOSSES = 400;

  private final String id;
  private final JobRun work;
  private final List<Consumer<RunView>> watchers = new CopyOnWriteArrayList<>();
  private final List<RunView.Loss> losses = new ArrayList<>();
  private final List<RunView.Preview> previews = new ArrayList<>();
  private List<RunView.Limit> verdicts = List.of();
  private RunView.State state;
  private String stage = "";
  private double fraction;
  private int everyLoss = 1;
  private @Nullable String problem;
  private volatile boolean cancelled;

  Run(String id, JobRun work, RunView.State state) {
    this.id = id;
    this.work = work;
    this.state = state;
  }

  String id() {
    return id;
  }

  JobRun work() {
    return work;
  }

  Path folder() {
    return work.folder();
  }

  /** The file of the change, once there is one. */
  Path delta() {
    Path file = folder().resolve(JobRun.DELTA);
    if (!isIn(RunView.State.DONE) || !Files.exists(file)) {
      throw new Problem(HttpStatus.CONFLICT, "run '%s' is not done".formatted(id));
    }
    return file;
  }

  synchronized boolean isIn(RunView.State wanted) {
    return state == wanted;
  }

  boolean isCancelled() {
    return cancelled;
  }

  void cancel() {
    cancelled = true;
  }

  synchronized RunView view() {
    return new RunView(
        id,
        state,
        work.job().targets().stream().map(JobTarget::name).toList(),
        stage,
        fraction,
        List.copyOf(losses),
        List.copyOf(previews),
        verdicts,
        problem);
  }

  /** Tells the present state and every change; stops when the returned action is run. */
  Runnable watch(Consumer<RunView> watcher) {
    watchers.add(watcher);
    watcher.accept(view());
    return () -> watchers.remove(watcher);
  }

  private void tell() {
    RunView view = view();
    watchers.forEach(watcher -> watcher.accept(view));
  }

  void waits() {
    cancelled = false;
    change(RunView.State.WAITING, "waits for another run", null);
  }

  void begins() {
    change(RunView.State.RUNNING, "opens the model", null);
  }

  void ends(JobResult result) {
    synchronized (this) {
      verdicts =
          result.verdicts().stream()
              .map(verdict -> new RunView.Limit(text(verdict), verdict.met()))
              .toList();
    }
    change(RunView.State.DONE, "done", null);
  }

  private static String text(Verdict verdict) {
    return verdict.toString();
  }

  void stops(@Nullable String why) {
    change(RunView.State.STOPPED, "stopped", why);
  }

  void fails(@Nullable String why) {
    change(RunView.State.FAILED, "failed", why);
  }

  private void change(RunView.State next, String doing, @Nullable String why) {
    synchronized (this) {
      state = next;
      stage = doing;
      fraction = next == RunView.State.DONE ? 1 : 0;
      problem = why;
    }
    tell();
  }

  void on(AblationEvent event) {
    synchronized (this) {
      if (!note(event)) {
        return;
      }
    }
    tell();
  }

  private boolean note(AblationEvent event) {
    if (event instanceof AblationEvent.AnchorsProgressed anchors) {
      return at("draws anchor images", anchors.done(), anchors.total());
    }
    if (event instanceof AblationEvent.StepCompleted step) {
      if (step.step() % everyLoss == 0) {
        losses.add(new RunView.Loss(step.step(), step.loss()));
        if (losses.size() > MOST_LOSSES) {
          everyLoss *= 2;
          int every = everyLoss;
          losses.removeIf(loss -> loss.step() % every != 0);
        }
      }
      return at("trains", step.step(), step.steps());
    }
    if (event instanceof AblationEvent.SamplesDrawn samples) {
      previews.add(
          new RunView.Preview(
              samples.step(),
              samples.files().stream().map(file -> String.valueOf(file.getFileName())).toList()));
      return true;
    }
    if (event instanceof AblationEvent.EvaluationProgressed evaluation) {
      return at("evaluates " + evaluation.task(), evaluation.done(), evaluation.total());
    }
    return false;
  }

  private boolean at(String doing, long done, long total) {
    stage = doing;
    fraction = total == 0 ? 0 : (double) done / total;
    return true;
  }
}
