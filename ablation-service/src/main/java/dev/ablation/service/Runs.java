package dev.ablation.service;

import dev.ablation.job.AblationJob;
import dev.ablation.job.InvalidJobException;
import dev.ablation.job.JobRoot;
import dev.ablation.job.JobRun;
import dev.ablation.job.JobSession;
import dev.ablation.job.JobStoppedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;

/**
 * Runs job files, one after the other, each in a folder of its own. A run opens the job's model for
 * itself, so that drawing goes on meanwhile. When the service ends, the run that is going stops at
 * its last checkpoint; at the next start it can be resumed.
 */
@Component
final class Runs implements DisposableBean {
  /** Where preview images are, within the folder of a run. */
  static final String PREVIEW = "preview";

  private static final Logger LOG = LoggerFactory.getLogger(Runs.class);
  private static final Pattern ID = Pattern.compile("\\d{4,9}");
  private static final int MOST_WAITING = 20;
  private static final long END_SECONDS = 30;

  private final Path folder;
  private final JobRoot root;
  private final ServedModel served;
  private final Map<String, Run> runs = new ConcurrentSkipListMap<>();
  private final ExecutorService worker =
      Executors.newSingleThreadExecutor(body -> {
        Thread thread = new Thread(body, "runs");
        thread.setDaemon(true);
        return thread;
      });

  Runs(ServiceProperties properties, ServedModel served) throws IOException {
    this.served = served;
    folder = Files.createDirectories(properties.folder()).toRealPath();
    root = JobRoot.within(folder);
    Path all = Files.createDirectories(folder.resolve("runs"));
    try (Stream<Path> present = Files.list(all)) {
      for (Path each : present.sorted().toList()) {
        String id = String.valueOf(each.getFileName());
        if (ID.matcher(id).matches() && Files.exists(each.resolve(JobRun.JOB))) {
          find(id, each);
        }
      }
    }
  }

  /** What the service was doing when it ended can be resumed. */
  private void find(String id, Path each) {
    try {
      Run run = new Run(id, JobRun.resume(each), RunView.State.STOPPED);
      if (JobRun.isFinished(each)) {
        run.ends(run.work().run()); // reads what it found
      }
      runs.put(id, run);
    } catch (IOException | RuntimeException e) {
      LOG.warn("{}: the run cannot be read and is left out: {}", each, e.getMessage());
    }
  }

  /**
   * Reads a job file.
   *
   * @param text of the file; its relative paths begin at the service's folder, and no path may lead
   *     out of it
   * @return the job
   */
  AblationJob job(String text) {
    return AblationJob.parse(text, "job", folder, root);
  }

  List<Run> all() {
    return new ArrayList<>(runs.values());
  }

  Run get(String id) {
    Run run = runs.get(id);
    if (run == null) {
      throw new Problem(HttpStatus.NOT_FOUND, "there is no run '%s'".formatted(id));
    }
    return run;
  }

  /** Begins a run, or puts it in line. */
  synchronized Run start(AblationJob job, List<String> preview) throws IOException {
    checkRoom();
    String id = nextId();
    JobRun work = JobRun.of(job, folder.resolve("runs").resolve(id));
    Files.createDirectory(work.folder());
    Run run = new Run(id, work, RunView.State.WAITING);
    runs.put(id, run);
    begin(run, preview);
    return run;
  }

  /** Continues a run that stopped. */
  synchronized Run resume(String id, List<String> preview) {
    Run run = get(id);
    if (!run.isIn(RunView.State.STOPPED)) {
      throw new Problem(HttpStatus.CONFLICT, "run '%s' has not stopped".formatted(id));
    }
    checkRoom();
    begin(run, preview);
    return run;
  }

  private void checkRoom() {
    long waiting = runs.values().stream().filter(run -> run.isIn(RunView.State.WAITING)).count();
    if (waiting >= MOST_WAITING) {
      throw new Problem(
          HttpStatus.TOO_MANY_REQUESTS, "%d runs wait, the most that may".formatted(waiting));
    }
  }

  private String nextId() throws IOException {
    int last = 0;
    try (Stream<Path> present = Files.list(folder.resolve("runs"))) {
      for (Path each : present.toList()) {
        String name = String.valueOf(each.getFileName());
        if (ID.matcher(name).matches()) {
          last = Math.max(last, Integer.parseInt(name));
        }
      }
    }
    return "%04d".formatted(last + 1);
  }

  private void begin(Run run, List<String> preview) {
    run.waits();
    worker.execute(() -> carryOut(run, preview));
  }

  private void carryOut(Run run, List<String> preview) {
    if (run.isCancelled()) {
      run.stops("cancelled before it began");
      return;
    }
    run.begins();
    try {
      RunWatch watch =
          new RunWatch(run::on, run.folder().resolve(PREVIEW), preview, served.sampling());
      run.ends(run.work().run(watch, run::isCancelled, (result, session) -> {}));
    } catch (JobStoppedException e) {
      run.stops(e.getMessage());
    } catch (InvalidJobException e) {
      run.fails(e.getMessage());
    } catch (IOException | RuntimeException | Error e) {
      LOG.error("run {} failed", run.id(), e);
      run.fails(e.getMessage());
    }
  }

  /** Cancels a run; what it has done is kept. */
  void cancel(String id) {
    get(id).cancel();
  }

  /**
   * Estimates a job.
   *
   * @return problems, warnings and costs, each a line
   */
  synchronized Estimated estimate(AblationJob job) throws IOException {
    try (JobSession session = JobSession.open(job)) {
      var estimate = session.plan().estimate();
      return new Estimated(
          estimate.problems(), estimate.warnings(), estimate.toString().lines().toList());
    }
  }

  /**
   * What a job costs.
   *
   * @param problems that prevent a run
   * @param warnings that do not
   * @param costs time, memory and work, as lines of text
   */
  record Estimated(List<String> problems, List<String> warnings, List<String> costs) {}

  @Override
  public void destroy() throws InterruptedException {
    runs.values().forEach(Run::cancel);
    worker.shutdown();
    if (!worker.awaitTermination(END_SECONDS, TimeUnit.SECONDS)) {
      LOG.warn("a run did not stop within {} seconds", END_SECONDS);
    }
  }
}
