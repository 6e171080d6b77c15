package dev.ablation.job;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.AblationRun;
import dev.ablation.Estimate;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.event.AblationListener;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.job.evidence.Manifest;
import dev.ablation.job.ledger.Ledger;
import dev.ablation.job.ledger.LedgerException;
import dev.ablation.memory.MemoryUse;
import dev.ablation.memory.PeakMemory;
import dev.ablation.report.Report;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A run of a job in a folder. The folder is the state of the run: killed at any time, it is
 * continued by {@link #resume}, with the same result. When it is done, the folder is its evidence.
 *
 * {@snippet class="dev.ablation.job.Snippets" region="run"}
 */
public final class JobRun {
  /** The job, with absolute paths. */
  public static final String JOB = "job.json";

  /** The change of the weights. */
  public static final String DELTA = "delta.safetensors";

  /** The report for people. */
  public static final String REPORT = "report.html";

  /** What an unfinished run needs to continue. */
  static final String WORK = Manifest.WORK;

  /** How the delta was trained, of a run whose evaluation is made elsewhere. */
  private static final String TRAINING = "training.json";

  /** Neighbours that were searched, which may have taken many images. */
  private static final String FOUND = "neighbours.json";

  private static final long LOOK_MILLIS = 200;

  private final AblationJob job;
  private final Path folder;

  private JobRun(AblationJob job, Path folder) {
    this.job = job;
    this.folder = folder;
  }

  /**
   * Prepares a run. Nothing is written yet.
   *
   * @param job any
   * @param folder must not exist or be empty, or hold an unfinished run of the same job, which is
   *     continued
   * @return the run
   * @throws InvalidJobException if the job has problems
   * @throws FileAlreadyExistsException if the folder holds something else
   * @throws IOException if the folder cannot be read
   */
  public static JobRun of(AblationJob job, Path folder) throws IOException {
    List<String> problems = job.problems();
    if (!problems.isEmpty()) {
      throw new InvalidJobException(job.toString(), problems);
    }
    AblationJob absolute = job.absolute();
    JobRun run =
        new JobRun(
            absolute.outputs(absolute.outputs().folder(folder.toAbsolutePath().normalize())),
            folder);
    if (Files.exists(folder)) {
      run.checkFolder();
    }
    if (!Files.exists(folder.resolve(JOB))) {
      run.checkOutputs();
    }
    return run;
  }

  private void checkFolder() throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new FileAlreadyExistsException(
          folder.toString(), null, "is a file; choose an output folder that does not exist");
    }
    if (isEmpty(folder)) {
      return;
    }
    if (isFinished(folder)) {
      throw new FileAlreadyExistsException(
          folder.toString(),
          null,
          "holds a finished run; resume it to read its result, or choose another output folder");
    }
    if (!Files.exists(folder.resolve(JOB))) {
      throw new FileAlreadyExistsException(
          folder.toString(), null, "is not empty; choose an output folder that does not exist");
    }
    checkJob();
  }

  /** Another run may have begun in the folder since this one was prepared. */
  private void checkJob() throws IOException {
    AblationJob present = AblationJob.read(folder.resolve(JOB));
    Path moved = job.outputs().folder(); // the file has where the folder was when it began
    if (!present.outputs(present.outputs().folder(moved)).equals(job)) {
      throw new FileAlreadyExistsException(
          folder.toString(),
          null,
          "holds %s run of another job; resume that one or choose another output folder"
              .formatted(isFinished(folder) ? "a finished" : "an unfinished"));
    }
  }

  /**
   * Prepares the continuation of a run that was stopped or killed, or of one that is finished: to
   * run that again returns its result. What a finished one no longer needs to continue is deleted.
   *
   * @param folder of the run
   * @return the run
   * @throws NoSuchFileException if there is no run
   * @throws InvalidJobException if its job can no longer be carried out
   * @throws IOException if the folder cannot be read
   */
  public static JobRun resume(Path folder) throws IOException {
    Path file = folder.resolve(JOB);
    if (!Files.exists(file)) {
      throw new NoSuchFileException(
          folder.toString(), null, "no run to resume: the folder has no " + JOB);
    }
    if (isFinished(folder)) {
      JobEnd.clear(folder);
    }
    AblationJob job = AblationJob.read(file);
    return new JobRun(
        job.outputs(job.outputs().folder(folder.toAbsolutePath().normalize())), folder);
  }

  /**
   * Returns whether a folder holds a finished run.
   *
   * @param folder any
   * @return whether it does
   */
  public static boolean isFinished(Path folder) {
    return Files.exists(folder.resolve(Manifest.FILE));
  }

  private static boolean isEmpty(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }

  /** {@return the job} */
  public AblationJob job() {
    return job;
  }

  /** {@return the folder of the run} */
  public Path folder() {
    return folder;
  }

  /** Writes further files into the folder, before the manifest lists them all. */
  @FunctionalInterface
  public interface MoreFiles {
    /**
     * Learns what will be evaluated, after every check and before any long work.
     *
     * @param evaluation of the job
     * @param session the job's model and evaluator
     */
    default void planned(Evaluation evaluation, JobSession session) {}

    /**
     * Writes the files.
     *
     * @param result of the run, still open
     * @param session the job's model and evaluator
     * @throws IOException if a file cannot be written
     */
    void write(AblationResult result, JobSession session) throws IOException;
  }

  /**
   * Runs the job to its end. A run that is finished already is not repeated: its result is read
   * from its evidence, which stays as it is.
   *
   * @return what it found
   * @throws IOException if a file cannot be read or written
   */
  public JobResult run() throws IOException {
    return run(event -> {}, () -> false, (result, session) -> {});
  }

  /**
   * Runs the job to its end. A run that is finished already is not repeated, so that whoever does
   * not know whether it ended may run it again: its result is read from its evidence, which stays
   * as it is. No model is opened then, and neither listener nor further files are asked for. {@link
   * EvidenceBundle#verify} tells whether the evidence was changed.
   *
   * @param listener receives every event of the ablation
   * @param cancelled asked now and then; {@code true} stops the run, which can be resumed
   * @param more writes further files into the folder
   * @return what it found; read from evidence, its evaluations have no images
   * @throws InvalidJobException if the job cannot be carried out on its model, or the estimate is
   *     beyond its limits; before any long work
   * @throws JobStoppedException if it was cancelled or took more than the job's limits; the folder
   *     keeps what was done
   * @throws LedgerException if the job's ledger refuses the removal; before any long work, but for
   *     what another run enters meanwhile
   * @throws IllegalStateException if another process runs in the folder
   * @throws FileAlreadyExistsException if another job has run in the folder meanwhile
   * @throws IOException if a file cannot be read or written
   */
  public JobResult run(AblationListener listener, BooleanSupplier cancelled, MoreFiles more)
      throws IOException {
    if (isFinished(folder)) {
      return finished();
    }
    PrivateKey key = EvidenceFiles.key(job);
    try (JobSession session = JobSession.open(job)) {
      takeFound(folder, session);
      Optional<Evaluation> evaluation =
          session.evaluation().map(each -> each.keptIn(folder.resolve(WORK).resolve("images")));
      Ablation plan = session.plan();
      if (evaluation.isPresent()) {
        plan = plan.evaluate(evaluation.get());
      }
      check(plan);
      checkLedger(plan, session);
      if (evaluation.isPresent()) {
        more.planned(evaluation.get(), session);
      }
      if (isFinished(folder)) { // by another process, while the model was opened
        return finished();
      }
      begin();
      session.found().write(found(folder));
      long start = System.nanoTime();
      BooleanSupplier stop = () -> reasonToStop(start, cancelled) != null;
      try (AblationResult result = train(plan.listener(listener), cancelled)) {
        return new JobEnd(job, folder, session, listener, stop).write(result, more, key);
      } catch (CancellationException e) {
        throw stopped(reasonToStop(start, cancelled));
      }
    }
  }

  private JobResult finished() throws IOException {
    checkJob();
    JobEnd.clear(folder);
    return EvidenceBundle.open(folder).result();
  }

  /**
   * Trains alone, for a job whose evaluation is made elsewhere, such as on several machines: {@link
   * #finish} ends the run with it. The folder keeps the delta until then. Training that is done is
   * not repeated.
   *
   * @param session the job's model and evaluator, which stay open; it may be on another device than
   *     the job says
   * @param listener receives every event of the ablation
   * @param cancelled asked now and then; {@code true} stops the run, which can be resumed
   * @return how the delta was trained
   * @throws InvalidJobException if the job cannot be carried out on its model, its evaluation
   *     neither, or the estimate is beyond its limits; before any long work
   * @throws JobStoppedException as {@link #run(AblationListener, BooleanSupplier, MoreFiles)}
   * @throws IllegalStateException if another process runs in the folder, or the run is finished
   * @throws IOException if a file cannot be read or written
   */
  public Report.Training train(
      JobSession session, AblationListener listener, BooleanSupplier cancelled) throws IOException {
    Path record = folder.resolve(WORK).resolve(TRAINING);
    if (Files.exists(record)) {
      return TrainingRecord.read(record);
    }
    if (isFinished(folder)) {
      throw new IllegalStateException(folder + ": the run is finished");
    }
    takeFound(folder, session);
    Ablation plan = session.plan();
    Optional<Evaluation> evaluation = session.evaluation();
    check(evaluation.isPresent() ? plan.evaluate(evaluation.get()) : plan);
    checkLedger(plan, session);
    begin();
    session.found().write(found(folder));
    try (AblationResult result = train(plan.listener(listener), cancelled)) {
      Path delta = folder.resolve(WORK).resolve(DELTA);
      Files.deleteIfExists(delta); // of an end that was killed
      result.delta().save(delta);
      TrainingRecord.write(result.training(), record);
      return result.training();
    }
  }

  /**
   * Returns whether a folder holds a run whose training is done.
   *
   * @param folder any
   * @return whether {@link #trainedDelta} exists
   */
  public static boolean isTrained(Path folder) {
    return isFinished(folder) || Files.exists(folder.resolve(WORK).resolve(TRAINING));
  }

  /**
   * Finds the delta of a run whose training is done.
   *
   * @param folder of the run
   * @return the file; it moves when the run is finished
   */
  public static Path trainedDelta(Path folder) {
    return folder.resolve(isFinished(folder) ? "." : WORK).resolve(DELTA).normalize();
  }

  /**
   * Ends a run whose training is done: writes its evidence. Of a run that is finished already the
   * result is read, as {@link #run()} does.
   *
   * @param session as for {@link #train(JobSession, AblationListener, BooleanSupplier)}
   * @param evaluation of the delta; empty if the job has none
   * @return what it found
   * @throws IllegalStateException if the training is not done
   * @throws IOException if a file cannot be read or written
   */
  public JobResult finish(JobSession session, Optional<EvaluationResult> evaluation)
      throws IOException {
    if (!isTrained(folder)) {
      throw new IllegalStateException(folder + ": the training must be done first");
    }
    if (isFinished(folder)) {
      return finished();
    }
    PrivateKey key = EvidenceFiles.key(job);
    Path work = folder.resolve(WORK);
    Report.Training training = TrainingRecord.read(work.resolve(TRAINING));
    try (AblationResult trained =
        AblationResult.of(
            WeightDelta.load(work.resolve(DELTA), session.model().manager()), training)) {
      return new JobEnd(job, folder, session, event -> {}, () -> false)
          .write(
              evaluation.isPresent() ? trained.evaluation(evaluation.get()) : trained,
              (result, open) -> {},
              key);
    }
  }

  private static Path found(Path folder) {
    return folder.resolve(WORK).resolve(FOUND);
  }

  /**
   * Takes on the neighbours that an unfinished run has found, so that another session of the same
   * job does not search again. A run that is continued does so by itself.
   *
   * @param folder of the run, which may not have begun
   * @param session of the job, whose evaluation was not yet asked for
   * @throws IOException if the file of the neighbours cannot be read
   */
  public static void takeFound(Path folder, JobSession session) throws IOException {
    if (Files.exists(found(folder))) {
      session.found().read(found(folder));
    }
  }

  private void check(Ablation plan) {
    List<String> problems = new ArrayList<>(plan.check());
    if (problems.isEmpty() && job.limits().isPresent()) {
      problems.addAll(beyondLimits(plan.estimate(), job.limits().get()));
    }
    if (!problems.isEmpty()) {
      throw new InvalidJobException(job.toString(), problems);
    }
  }

  /**
   * Compares an estimate with limits.
   *
   * @param estimate of a plan
   * @param limits of a job
   * @return a problem for each limit that the estimate is beyond
   */
  public static List<String> beyondLimits(Estimate estimate, JobLimits limits) {
    List<String> problems = new ArrayList<>();
    Optional<Duration> time = estimate.time();
    if (limits.time() != null && time.isPresent() && time.get().compareTo(limits.time()) > 0) {
      problems.add(
          "limits.time: anchors and training take about %d s, more than the limit of %d s"
              .formatted(time.get().toSeconds(), limits.time().toSeconds()));
    }
    OptionalLong resident = MemoryUse.resident();
    if (limits.memory() != null && resident.isPresent()) {
      Optional<PeakMemory> peak = estimate.peakMemory().filter(each -> !each.ofDevice());
      long bytes =
          peak.map(PeakMemory::bytes).orElseGet(() -> resident.getAsLong() + estimate.stateBytes());
      if (bytes > limits.memory().count()) {
        problems.add(
            "limits.memory: training takes about %s, more than the limit of %s"
                .formatted(new JobBytes(bytes), limits.memory()));
      }
    }
    return problems;
  }

  /** Says before the long work what the ledger would refuse after it. */
  private void checkLedger(Ablation plan, JobSession session) throws IOException {
    Path ledger = job.outputs().ledger();
    if (ledger == null || !Files.exists(ledger)) {
      return;
    }
    String request = request(job, folder);
    boolean entered =
        Ledger.read(ledger).stream().anyMatch(entry -> JobEnd.isOf(entry, ledger, request, folder));
    if (!entered) {
      Ledger.checkNew(
          ledger,
          session.model().weights().sha256(),
          request,
          plan.pairs().stream().map(pair -> pair.target().toString()).toList());
    }
  }

  /** The request that a run answers; the name of its folder where the job has none. */
  static String request(AblationJob job, Path folder) {
    return job.request()
        .orElseGet(() -> String.valueOf(folder.toAbsolutePath().normalize().getFileName()));
  }

  private void begin() throws IOException {
    Files.createDirectories(folder.resolve(WORK));
    if (!Files.exists(folder.resolve(JOB))) {
      AtomicFiles.writeString(folder.resolve(JOB), Existing.REFUSE, job.toJson());
    } else {
      checkJob();
    }
  }

  private AblationResult train(Ablation plan, BooleanSupplier cancelled) throws IOException {
    Checkpoints checkpoints = Checkpoints.in(folder.resolve(WORK).resolve("checkpoints"));
    Integer every = job.outputs().checkpointEvery();
    Ablation resumable = plan.checkpoints(every == null ? checkpoints : checkpoints.every(every));
    ExecutorService executor =
        Executors.newSingleThreadExecutor(task -> {
          Thread thread = new Thread(task, "ablation");
          thread.setDaemon(true);
          return thread;
        });
    try {
      AblationRun run = resumable.start(executor);
      return wait(run, cancelled);
    } finally {
      executor.shutdown();
    }
  }

  private AblationResult wait(AblationRun run, BooleanSupplier cancelled) throws IOException {
    Future<AblationResult> result = run.result().toCompletableFuture();
    long start = System.nanoTime();
    String stopped = null;
    boolean interrupted = false;
    try {
      while (true) {
        try {
          AblationResult done = result.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
          // A stop during the evaluation ends it alone.
          if (stopped != null && !job.evaluation().isNone() && done.evaluation().isEmpty()) {
            done.close();
            throw new JobStoppedException(stopped, folder);
          }
          return done;
        } catch (TimeoutException e) {
          stopped = stopped != null ? stopped : reasonToStop(start, cancelled);
        } catch (InterruptedException e) {
          interrupted = true;
          stopped = "the run was interrupted";
        }
        if (stopped != null) {
          run.cancel();
        }
      }
    } catch (ExecutionException e) {
      throw failure(e.getCause(), stopped);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private JobStoppedException stopped(@Nullable String reason) {
    return new JobStoppedException(reason == null ? "the run was cancelled" : reason, folder);
  }

  private RuntimeException failure(@Nullable Throwable cause, @Nullable String stopped)
      throws IOException {
    if (cause instanceof CancellationException) {
      return stopped(stopped);
    }
    if (cause instanceof UncheckedIOException io) {
      throw io.getCause();
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return cause instanceof RuntimeException runtime ? runtime : new IllegalStateException(cause);
  }

  private @Nullable String reasonToStop(long start, BooleanSupplier cancelled) {
    if (cancelled.getAsBoolean()) {
      return "the run was cancelled";
    }
    JobLimits limits = job.limits().orElse(null);
    if (limits == null) {
      return null;
    }
    Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
    if (limits.time() != null && elapsed.compareTo(limits.time()) > 0) {
      return "the run took more than its limit of %d s".formatted(limits.time().toSeconds());
    }
    OptionalLong resident = MemoryUse.resident();
    if (limits.memory() != null
        && resident.isPresent()
        && resident.getAsLong() > limits.memory().count()) {
      return "the run took %s, more than its limit of %s"
          .formatted(new JobBytes(resident.getAsLong()), limits.memory());
    }
    return null;
  }

  /** What is to be written beside the folder must not exist when a run begins. */
  private void checkOutputs() throws IOException {
    for (Path output :
        Stream.of(job.outputs().export(), job.outputs().lora()).filter(Objects::nonNull).toList()) {
      if (Files.exists(output)) {
        throw new FileAlreadyExistsException(
            output.toString(), null, "exists already; choose an output that does not");
      }
    }
  }
}
