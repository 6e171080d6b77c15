package dev.ablation.spark;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.job.AblationJob;
import dev.ablation.job.InvalidJobException;
import dev.ablation.job.JobRun;
import dev.ablation.job.evidence.Sha256;
import dev.ablation.spark.ConceptResult.Score;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import scala.Tuple2;

/**
 * Runs a list of jobs on Spark. A task trains one job; further tasks evaluate its delta, each on a
 * part of the images; then all deltas are merged, and every target and neighbour is evaluated again
 * with all of them applied. Everything is kept in a folder under the hash of the job, from which a
 * task that is tried again, and a list that is started again, goes on. Immutable: every method that
 * changes a setting returns a new value.
 *
 * {@snippet class="dev.ablation.spark.Snippets" region="run"}
 */
@CheckReturnValue
public final class SparkAblation {
  private static final int IMAGES_PER_TASK = 64;
  private static final int NAME = 16;

  private final SparkSession spark;
  private final Path folder;
  private final int imagesPerTask;
  private final boolean keepImages;
  private final boolean merge;
  private final Consumer<? super SparkProgress> listener;

  private SparkAblation(
      SparkSession spark,
      Path folder,
      int imagesPerTask,
      boolean keepImages,
      boolean merge,
      Consumer<? super SparkProgress> listener) {
    this.spark = spark;
    this.folder = folder;
    this.imagesPerTask = imagesPerTask;
    this.keepImages = keepImages;
    this.merge = merge;
    this.listener = listener;
  }

  /**
   * Begins with the defaults: 64 images a task, images are not kept, deltas are merged.
   *
   * @param spark the session, which stays the caller's
   * @param folder of the results, under the same path on every machine: a shared folder, or on one
   *     machine any
   * @return the settings
   */
  public static SparkAblation in(SparkSession spark, Path folder) {
    Objects.requireNonNull(spark, "spark");
    return new SparkAblation(
        spark, folder.toAbsolutePath().normalize(), IMAGES_PER_TASK, false, true, progress -> {});
  }

  /**
   * Changes how many images a task of the evaluation draws.
   *
   * @param images of each model, rounded down to whole batches of the job's evaluation
   * @return a copy with this setting
   */
  public SparkAblation imagesPerTask(int images) {
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
    return new SparkAblation(spark, folder, images, keepImages, merge, listener);
  }

  /**
   * Changes whether images that an evaluation draws are kept. Jobs then share those of the base
   * model, which many have in common.
   *
   * @param keep whether they are
   * @return a copy with this setting
   */
  public SparkAblation keepImages(boolean keep) {
    return new SparkAblation(spark, folder, imagesPerTask, keep, merge, listener);
  }

  /**
   * Changes whether the deltas of one base model are merged and evaluated together.
   *
   * @param merged whether they are
   * @return a copy with this setting
   */
  public SparkAblation merge(boolean merged) {
    return new SparkAblation(spark, folder, imagesPerTask, keepImages, merged, listener);
  }

  /**
   * Sets what is told how far the list is.
   *
   * @param listener called on a thread of Spark
   * @return a copy with this setting
   */
  public SparkAblation listener(Consumer<? super SparkProgress> listener) {
    Objects.requireNonNull(listener, "listener");
    return new SparkAblation(spark, folder, imagesPerTask, keepImages, merge, listener);
  }

  /**
   * Runs the jobs. A job that fails does not stop the others; its row says why.
   *
   * @param jobs at least one; no two with the same hash, see {@link AblationJob#sha256()}
   * @return a result for each job
   * @throws IllegalArgumentException if two jobs are the same
   * @throws IOException if the folder cannot be used, or holds results of another version of the
   *     library
   */
  public SparkAblationResult run(List<AblationJob> jobs) throws IOException {
    Preconditions.checkArgument(!jobs.isEmpty(), "jobs must not be empty");
    ListFolder opened = ListFolder.open(folder);
    Task.Settings settings =
        new Task.Settings(
            folder.toString(), opened.id(), opened.library(), imagesPerTask, keepImages);
    Map<String, @Nullable ConceptResult> results = new LinkedHashMap<>();
    List<Task> tasks = tasks(jobs, settings, results);
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    String group = "ablation-" + UUID.randomUUID();
    ProgressReporter reporter = new ProgressReporter(group, listener);
    spark.sparkContext().addSparkListener(reporter);
    try {
      Steps steps = new Steps(context, group, Counters.of(spark.sparkContext()));
      Map<String, Path> merged = new TreeMap<>();
      List<String> problems = new ArrayList<>();
      if (!tasks.isEmpty()) {
        List<Trained> trained = steps.train(tasks);
        steps.evaluate(tasks, trained).forEach(each -> results.put(each.concept().job(), each));
        if (merge) {
          steps.merge(tasks, trained, results, merged, problems);
        }
      }
      context.setJobGroup(group, "Writes the table of results");
      List<ConceptResult> rows = new ArrayList<>();
      results.values().forEach(each -> rows.add(Objects.requireNonNull(each)));
      SparkAblationResult result = new SparkAblationResult(folder, rows, merged, problems);
      write(result);
      if (result.failed().isEmpty() && problems.isEmpty()) {
        deleteParts(tasks);
      }
      return result;
    } finally {
      context.clearJobGroup();
      spark.sparkContext().removeSparkListener(reporter);
    }
  }

  /** Makes tasks of the jobs that can be carried out, and rows of the others. */
  private static List<Task> tasks(
      List<AblationJob> jobs,
      Task.Settings settings,
      Map<String, @Nullable ConceptResult> results) {
    List<Task> tasks = new ArrayList<>();
    for (int i = 0; i < jobs.size(); i++) {
      AblationJob job = jobs.get(i).absolute();
      String hash;
      List<String> problems = new ArrayList<>(job.problems());
      try {
        hash = job.sha256();
      } catch (IOException e) {
        hash = Sha256.of(job.toJson().getBytes(StandardCharsets.UTF_8));
        problems.add(String.valueOf(e.getMessage()));
      }
      if (job.outputs().ledger() != null) {
        problems.add(
            "outputs.ledger: must not be set in a list, which evaluates its removals together; enter"
                + " them with 'ablate apply'");
      }
      if (results.containsKey(hash)) {
        throw new IllegalArgumentException(
            "jobs must differ, but job %d of the list (%s) is there twice".formatted(i + 1, job));
      }
      Task task = new Task(hash, job.toJson(), settings);
      results.put(hash, null);
      if (problems.isEmpty()) {
        tasks.add(task);
      } else {
        results.put(
            hash,
            new ConceptResult(
                Rows.identity(job, hash, task.run()),
                new ConceptResult.Hashes(null, null, settings.library()),
                ConceptResult.Judgement.none(),
                ConceptResult.Cost.none("driver"),
                new InvalidJobException(job.toString(), problems).getMessage()));
      }
    }
    // Jobs of one model follow each other: an executor opens it once.
    tasks.sort(Comparator.comparing(task -> task.job().model().location()));
    return tasks;
  }

  /** What was measured is in the evidence now. */
  private static void deleteParts(List<Task> tasks) throws IOException {
    for (Task task : tasks) {
      if (Files.isDirectory(task.parts())) {
        try (Stream<Path> files = Files.walk(task.parts())) {
          for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
            Files.delete(file);
          }
        }
      }
    }
  }

  private void write(SparkAblationResult result) throws IOException {
    Rows.csv(result.concepts(), result.csv());
    Rows.table(spark, result.concepts())
        .coalesce(1)
        .write()
        .mode(SaveMode.Overwrite)
        .parquet(folder.resolve(SparkAblationResult.PARQUET).toUri().toString());
    AtomicFiles.writeString(result.summary(), Existing.REPLACE, SummaryPage.of(result).html());
  }

  /** The steps of a list. */
  private record Steps(JavaSparkContext context, String group, Counters counters) {

    List<Trained> train(List<Task> tasks) {
      context.setJobGroup(group, "Trains %d jobs".formatted(tasks.size()));
      Counters counted = counters;
      return context
          .parallelize(tasks, tasks.size())
          .map(task -> Worker.train(task, counted))
          .collect();
    }

    List<ConceptResult> evaluate(List<Task> tasks, List<Trained> trained) {
      List<Tuple2<Task, Trained.Slice>> slices = new ArrayList<>();
      Map<String, Tuple2<Task, Trained>> ends = new LinkedHashMap<>();
      List<ConceptResult> results = new ArrayList<>();
      for (int i = 0; i < tasks.size(); i++) {
        Task task = tasks.get(i);
        Trained each = trained.get(i);
        if (each.error() != null) {
          results.add(Worker.result(task, each));
          continue;
        }
        ends.put(task.hash(), new Tuple2<>(task, each));
        if (!JobRun.isFinished(task.run())) {
          each.slices().forEach(slice -> slices.add(new Tuple2<>(task, slice)));
        }
      }
      if (ends.isEmpty()) {
        return results;
      }
      context.setJobGroup(
          group,
          "Evaluates %d deltas in %d parts, writes the evidence"
              .formatted(ends.size(), slices.size()));
      Counters counted = counters;
      Broadcast<Map<String, Tuple2<Task, Trained>>> byHash = context.broadcast(ends);
      measured(slices, null, List.copyOf(ends.keySet()))
          .map(each -> {
            Tuple2<Task, Trained> end = Objects.requireNonNull(byHash.value().get(each._1()));
            return Worker.finish(end._1(), end._2(), each._2(), counted);
          })
          .collect()
          .forEach(results::add);
      byHash.destroy();
      return results;
    }

    /** What was measured of each job, reduced. */
    private JavaPairRDD<String, Measured> measured(
        List<Tuple2<Task, Trained.Slice>> slices, @Nullable String merged, List<String> hashes) {
      Counters counted = counters;
      JavaPairRDD<String, Measured> nothing =
          context
              .parallelize(hashes, hashes.size())
              .mapToPair(hash -> new Tuple2<>(hash, Measured.NOTHING));
      if (slices.isEmpty()) {
        return nothing;
      }
      return context
          .parallelize(slices, slices.size())
          .mapToPair(each ->
              new Tuple2<>(each._1().hash(), Worker.measure(each._1(), each._2(), merged, counted)))
          .union(nothing)
          .reduceByKey(Measured::merge, hashes.size());
    }

    /** Merges the deltas of each base model, and evaluates every job with all of them. */
    void merge(
        List<Task> tasks,
        List<Trained> trained,
        Map<String, @Nullable ConceptResult> results,
        Map<String, Path> merged,
        List<String> problems) {
      Map<String, List<Integer>> byBase = new TreeMap<>();
      for (int i = 0; i < tasks.size(); i++) {
        ConceptResult result = Objects.requireNonNull(results.get(tasks.get(i).hash()));
        if (result.error() == null && result.hashes().base() != null) {
          byBase.computeIfAbsent(result.hashes().base(), base -> new ArrayList<>()).add(i);
        }
      }
      byBase.forEach((base, jobs) -> {
        List<Task> together = jobs.stream().map(tasks::get).toList();
        Path file = mergedFile(together, results);
        List<String> deltas =
            together.stream().map(task -> task.run().resolve(JobRun.DELTA).toString()).toList();
        Task first = together.get(0);
        Counters counted = counters;
        context.setJobGroup(group, "Merges %d deltas".formatted(deltas.size()));
        String target = file.toString();
        String problem =
            context
                .parallelize(List.of(first), 1)
                .map(task -> Worker.merge(task, deltas, target, counted))
                .collect()
                .get(0);
        if (!problem.isEmpty()) {
          problems.add(problem);
          return;
        }
        merged.put(base, file);
        interference(together, jobs.stream().map(trained::get).toList(), target)
            .forEach((hash, scores) ->
                results.computeIfPresent(
                    hash,
                    (key, result) -> {
                      if (scores.isEmpty() && !result.judgement().scores().isEmpty()) {
                        problems.add(
                            "job %s could not be evaluated with all deltas together; the log of the executors says why"
                                .formatted(hash));
                      }
                      return result.together(scores);
                    }));
      });
    }

    /** The name follows from the deltas: another list has another file. */
    private static Path mergedFile(List<Task> tasks, Map<String, @Nullable ConceptResult> results) {
      StringBuilder all = new StringBuilder();
      for (Task task : tasks) {
        ConceptResult result = Objects.requireNonNull(results.get(task.hash()));
        all.append(result.hashes().delta()).append('\n');
      }
      String name = Sha256.of(all.toString().getBytes(StandardCharsets.UTF_8));
      return tasks
          .get(0)
          .folder()
          .resolve("merged")
          .resolve(name.substring(0, NAME))
          .resolve(JobRun.DELTA);
    }

    private Map<String, Map<String, Score>> interference(
        List<Task> tasks, List<Trained> trained, String merged) {
      List<Tuple2<Task, Trained.Slice>> slices = new ArrayList<>();
      Map<String, Task> byHash = new LinkedHashMap<>();
      for (int i = 0; i < tasks.size(); i++) {
        Task task = tasks.get(i);
        byHash.put(task.hash(), task);
        if (Files.exists(task.togetherFile(merged))) {
          continue;
        }
        trained.get(i).slices().stream()
            .filter(slice -> !slice.attack())
            .forEach(slice -> slices.add(new Tuple2<>(task, slice)));
      }
      context.setJobGroup(
          group,
          "Evaluates %d jobs with all deltas together, in %d parts"
              .formatted(tasks.size(), slices.size()));
      Counters counted = counters;
      Broadcast<Map<String, Task>> known = context.broadcast(byHash);
      Map<String, Map<String, Score>> found = new LinkedHashMap<>();
      measured(slices, merged, List.copyOf(byHash.keySet()))
          .map(each ->
              new Tuple2<>(
                  each._1(),
                  Worker.together(
                      Objects.requireNonNull(known.value().get(each._1())),
                      merged,
                      each._2(),
                      counted)))
          .collect()
          .forEach(each -> found.put(each._1(), each._2()));
      known.destroy();
      return found;
    }
  }
}
