package dev.ablation.spark;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.evaluation.EvaluationPart;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.EvaluationSlice;
import dev.ablation.event.AblationEvent;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.LibraryVersion;
import dev.ablation.internal.TextFile;
import dev.ablation.job.Acceptance;
import dev.ablation.job.AcceptanceLimit;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.job.JobRun;
import dev.ablation.job.JobSession;
import dev.ablation.job.Removals;
import dev.ablation.report.Report;
import dev.ablation.spark.ConceptResult.Score;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The work of tasks, on executors. A failure is a result, so that the other tasks go on. */
final class Worker {
  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);
  private static final double NANOS = 1e9;

  /** How much of a hash a file name has. */
  private static final int NAME = 16;

  /** What is compared when deltas are applied together. Attacks are left out: targets by name. */
  private static final List<String> BY_NAME =
      List.of(AcceptanceLimit.UNLEARNING, AcceptanceLimit.IN_DOMAIN, AcceptanceLimit.CROSS_DOMAIN);

  private static final Gson SCORES = new Gson();
  private static final TypeToken<LinkedHashMap<String, Score>> SCORES_TYPE = new TypeToken<>() {};

  private Worker() {}

  /** Work that may fail. */
  @FunctionalInterface
  private interface Attempt<T> {
    T make() throws IOException;
  }

  /** Works on a job that no other task works on. */
  private static <T> T alone(Task task, Attempt<T> work) throws IOException {
    try (JobLock held = JobLock.take(task, Executors::cancelled)) {
      LOG.debug("{} has {}", Executors.name(), held);
      return work.make();
    }
  }

  /**
   * Turns a failure into a result, unless Spark no longer wants one, or another machine may do
   * better.
   */
  private static <T> T attempt(
      Task task, Counters counters, Attempt<T> work, Function<String, T> failure) {
    try {
      checkMachine(task);
      return work.make();
    } catch (IOException | RuntimeException | LinkageError | OutOfMemoryError e) {
      if (Executors.cancelled() || e instanceof TaskCancelledException) {
        throw new TaskCancelledException();
      }
      if (e instanceof MachineException problem && Executors.mayTryAgain()) {
        throw problem;
      }
      LOG.warn("job {} failed on {}", task.hash(), Executors.name(), e);
      counters.failures().add(1);
      String message = e.getMessage();
      return failure.apply(message == null ? e.toString() : message);
    }
  }

  /** What a machine must have in common with the driver. */
  private static void checkMachine(Task task) throws IOException {
    String library = LibraryVersion.get();
    if (!library.equals(task.settings().library())) {
      throw new MachineException(
          "%s has version %s of the library, the driver %s; submit one jar to all"
              .formatted(Executors.name(), library, task.settings().library()));
    }
    Path list = task.folder().resolve(ListFolder.FILE);
    if (!Files.exists(list) || !ListFolder.read(list).id().equals(task.settings().list())) {
      throw new MachineException(
          "%s does not see the folder %s of the driver; it must be shared by all machines"
              .formatted(Executors.name(), task.folder()));
    }
  }

  // Training

  static Trained train(Task task, Counters counters) {
    return attempt(
        task,
        counters,
        () -> alone(task, () -> trained(task, counters)),
        reason -> Trained.failed(task, reason, Executors.name()));
  }

  private static Trained trained(Task task, Counters counters) throws IOException {
    if (JobRun.isTrained(task.run()) && Files.exists(task.trainedFile())) {
      return Trained.read(task.trainedFile());
    }
    Trained trained =
        ExecutorModels.use(
            task,
            session -> {
              AtomicInteger resumed = new AtomicInteger();
              double seconds = 0;
              long memory = -1;
              if (!JobRun.isFinished(task.run())) {
                Report.Training training =
                    JobRun.of(task.job(), task.run())
                        .train(
                            session,
                            event -> {
                              if (event instanceof AblationEvent.Resumed from) {
                                resumed.set(from.step());
                              } else if (event instanceof AblationEvent.StepCompleted) {
                                counters.steps().add(1);
                              }
                            },
                            Executors::cancelled);
                seconds = training.elapsed().toNanos() / NANOS;
                memory = training.memory().orElse(-1);
              }
              Optional<Evaluation> evaluation = session.evaluationAlone();
              List<EvaluationSlice> slices =
                  evaluation.isEmpty()
                      ? List.of()
                      : evaluation.get().slices(task.settings().imagesPerTask(), session.model());
              return new Trained(
                  task.hash(),
                  null,
                  session.model().weights().sha256(),
                  slices.stream().map(Trained.Slice::of).toList(),
                  new ConceptResult.Cost(seconds, 0, memory, resumed.get(), Executors.name()));
            });
    trained.write(task.trainedFile());
    counters.trained().add(1);
    return trained;
  }

  // Evaluation

  /**
   * Measures a slice.
   *
   * @param merged file of the delta of all jobs; {@code null} for the job's own
   */
  static Measured measure(
      Task task, Trained.Slice slice, @Nullable String merged, Counters counters) {
    return attempt(
        task,
        counters,
        () -> measured(task, slice, merged, counters),
        reason -> Measured.failed("the evaluation failed: " + reason));
  }

  private static Measured measured(
      Task task, Trained.Slice slice, @Nullable String merged, Counters counters)
      throws IOException {
    if (merged == null && JobRun.isFinished(task.run())) {
      return Measured.NOTHING; // the evidence holds the result
    }
    Path delta = merged == null ? JobRun.trainedDelta(task.run()) : Path.of(merged);
    return ExecutorModels.use(
        task,
        session -> {
          Evaluation evaluation = evaluation(task, session, merged != null);
          try (WeightDelta loaded = WeightDelta.load(delta, session.model().manager())) {
            String name = loaded.sha256().substring(0, NAME) + "-" + slice.name() + ".part";
            Path file = task.parts().resolve(name);
            if (Files.exists(file)) {
              try {
                return Measured.of(EvaluationPart.read(file));
              } catch (IOException e) {
                LOG.warn("{} is measured again", file, e);
              }
            }
            EvaluationPart part =
                evaluation.part(
                    List.of(slice.slice()), session.model(), loaded, Executors::cancelled);
            Files.createDirectories(task.parts());
            part.write(file);
            counters.images().add(2L * slice.slice().images());
            return Measured.of(part);
          }
        });
  }

  private static Evaluation evaluation(Task task, JobSession session, boolean byName)
      throws IOException {
    JobRun.takeFound(task.run(), session);
    Evaluation evaluation = session.evaluationAlone().orElseThrow();
    if (byName) {
      evaluation = evaluation.withoutAttacks();
    }
    return task.settings().keepImages()
        ? evaluation.keptIn(task.folder().resolve("images"))
        : evaluation;
  }

  // The end of a job

  static ConceptResult finish(Task task, Trained trained, Measured measured, Counters counters) {
    return attempt(
        task,
        counters,
        () -> alone(task, () -> finished(task, trained, measured)),
        reason -> result(task, trained).failed(reason));
  }

  private static ConceptResult finished(Task task, Trained trained, Measured measured)
      throws IOException {
    if (measured.error() != null) {
      return result(task, trained).failed(measured.error());
    }
    if (!JobRun.isFinished(task.run())) {
      ExecutorModels.use(
          task,
          session -> {
            Optional<EvaluationResult> evaluation = Optional.empty();
            if (measured.part() != null) {
              evaluation =
                  Optional.of(
                      evaluation(task, session, false)
                          .result(EvaluationPart.fromBytes(measured.part())));
            }
            return JobRun.resume(task.run()).finish(session, evaluation);
          });
    }
    return result(task, trained, EvidenceBundle.open(task.run()));
  }

  /** The row of a job without a result. */
  static ConceptResult result(Task task, Trained trained) {
    return new ConceptResult(
        Rows.identity(task.job(), task.hash(), task.run()),
        new ConceptResult.Hashes(trained.base(), null, task.settings().library()),
        ConceptResult.Judgement.none(),
        trained.cost(),
        trained.error());
  }

  private static ConceptResult result(Task task, Trained trained, EvidenceBundle bundle)
      throws IOException {
    Optional<EvaluationResult> evaluation =
        task.job().evaluation().isNone() ? Optional.empty() : Optional.of(bundle.evaluation());
    ConceptResult.Cost cost = trained.cost();
    return new ConceptResult(
        Rows.identity(task.job(), task.hash(), task.run()),
        new ConceptResult.Hashes(bundle.baseSha256(), bundle.deltaSha256(), bundle.library()),
        new ConceptResult.Judgement(
            bundle.accepted(),
            bundle.verdicts(),
            evaluation.isEmpty()
                ? Map.of()
                : scores(
                    evaluation.get(),
                    List.of(
                        AcceptanceLimit.UNLEARNING,
                        AcceptanceLimit.IN_DOMAIN,
                        AcceptanceLimit.CROSS_DOMAIN,
                        AcceptanceLimit.RECOVERED)),
            Map.of()),
        new ConceptResult.Cost(
            cost.trainSeconds(),
            evaluation.map(found -> found.elapsed().toNanos() / NANOS).orElse(0.0),
            cost.memory(),
            cost.resumedAt(),
            cost.executor()),
        null);
  }

  private static Map<String, Score> scores(EvaluationResult evaluation, List<String> measures) {
    Map<String, Score> scores = new LinkedHashMap<>();
    for (String measure : measures) {
      OptionalDouble value = Acceptance.measure(measure, evaluation);
      if (value.isPresent()) {
        scores.put(
            measure,
            Acceptance.interval(measure, evaluation)
                .map(found -> new Score(value.getAsDouble(), found.low(), found.high()))
                .orElseGet(() -> new Score(value.getAsDouble(), null, null)));
      }
    }
    return scores;
  }

  // All deltas together

  /** Adds up deltas of one base model. Returns why it failed; empty if it did not. */
  static String merge(Task task, List<String> deltas, String target, Counters counters) {
    return attempt(
        task,
        counters,
        () -> {
          Path file = Path.of(target);
          if (!Files.exists(file)) {
            ExecutorModels.use(task, session -> merged(session, deltas, file));
          }
          return "";
        },
        reason -> "the deltas cannot be merged: " + reason);
  }

  private static Path merged(JobSession session, List<String> deltas, Path file)
      throws IOException {
    List<Path> files = deltas.stream().map(Path::of).toList();
    try (WeightDelta sum = Removals.sum(files, session.model()).orElseThrow()) {
      Files.createDirectories(file.getParent());
      sum.save(file);
    }
    return file;
  }

  /**
   * Measures a job with the deltas of all jobs applied.
   *
   * @return scores by measure; empty if nothing was measured
   */
  static Map<String, Score> together(
      Task task, String merged, Measured measured, Counters counters) {
    return attempt(
        task,
        counters,
        () -> {
          Path file = task.togetherFile(merged);
          byte[] part = measured.part();
          if (Files.exists(file)) {
            return SCORES.fromJson(TextFile.read(file), SCORES_TYPE);
          }
          if (measured.error() != null) {
            throw new IOException(measured.error());
          }
          if (part == null) {
            return Map.of();
          }
          Map<String, Score> scores =
              ExecutorModels.use(
                  task,
                  session ->
                      scores(
                          evaluation(task, session, true).result(EvaluationPart.fromBytes(part)),
                          BY_NAME));
          AtomicFiles.writeString(file, Existing.REPLACE, SCORES.toJson(scores) + "\n");
          return scores;
        },
        reason -> Map.of());
  }
}
