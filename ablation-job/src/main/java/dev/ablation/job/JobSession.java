package dev.ablation.job;

import ai.djl.Device;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.Ablation;
import dev.ablation.anchor.TargetAnchor;
import dev.ablation.djl.DiffusionPipeline;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.load.DeviceNames;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.djl.nn.Precision;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.evaluation.Evaluation;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A job with its model and its evaluator, opened. It turns the description into a plan of {@link
 * dev.ablation.Ablator} and into an {@link Evaluation}.
 */
@CheckReturnValue
public final class JobSession implements AutoCloseable {
  private final AblationJob job;
  private final DiffusionModel model;
  private final JobEvaluator evaluator;
  private final Deque<AutoCloseable> owned = new ArrayDeque<>();

  private JobSession(AblationJob job, DiffusionModel model, JobEvaluator evaluator) {
    this.job = job;
    this.model = model;
    this.evaluator = evaluator;
  }

  /**
   * Opens the model and the evaluator of a job.
   *
   * @param job any
   * @return the session; the caller closes it
   * @throws InvalidJobException if the job has problems, or the model is another one than the job
   *     says by its hash
   * @throws IOException if the model or the evaluator cannot be read
   */
  public static JobSession open(AblationJob job) throws IOException {
    checkProblems(job);
    DiffusionModel model = openModel(job.model());
    try {
      JobSession session = open(job, model);
      session.owned.addLast(model);
      return session;
    } catch (IOException | RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  /**
   * Opens the evaluator of a job whose model is open already.
   *
   * @param job any
   * @param model the job's model; stays the caller's
   * @return the session; the caller closes it
   * @throws InvalidJobException as {@link #open(AblationJob)}
   * @throws IOException if the evaluator cannot be read
   */
  public static JobSession open(AblationJob job, DiffusionModel model) throws IOException {
    checkProblems(job);
    checkModel(job, model);
    String name = evaluatorOf(job);
    LoadOptions options = options(job.model());
    JobFound found = new JobFound();
    JobSession session;
    switch (name) {
      case JobEvaluation.NONE, JobEvaluation.PIXELS ->
          session = new JobSession(job, model, new JobEvaluator(null, null, found));
      case JobEvaluation.EMBEDDED -> {
        EmbeddedEvaluator embedded = EmbeddedEvaluator.open(options);
        session = new JobSession(job, model, new JobEvaluator(embedded, null, found));
        session.owned.add(embedded);
      }
      default -> {
        Clip clip = Clip.load(Path.of(name), options);
        session = new JobSession(job, model, new JobEvaluator(null, clip, found));
        session.owned.add(clip);
      }
    }
    session.owned.add(found);
    return session;
  }

  private static void checkModel(AblationJob job, DiffusionModel model) {
    String wanted = job.model().sha256();
    if (wanted != null && !wanted.equals(model.weights().sha256())) {
      throw new InvalidJobException(
          job.toString(),
          List.of(
              "model.sha256: the model's weights must have SHA-256 %s, have %s"
                  .formatted(wanted, model.weights().sha256())));
    }
  }

  /**
   * Names the evaluator of a job.
   *
   * @param job any
   * @return as {@link JobEvaluation#evaluator()} names it, or the default
   */
  public static String evaluatorOf(AblationJob job) {
    String name = job.evaluation().evaluator();
    if (name != null) {
      return name;
    }
    return job.model().isEmbedded() ? JobEvaluation.EMBEDDED : JobEvaluation.PIXELS;
  }

  private static void checkProblems(AblationJob job) {
    List<String> problems = job.problems();
    if (!problems.isEmpty()) {
      throw new InvalidJobException(job.toString(), problems);
    }
  }

  /**
   * Opens a model alone.
   *
   * @param source where it is, and how it is opened
   * @return the model; the caller closes it
   * @throws IOException if it cannot be read or fetched
   */
  public static DiffusionModel openModel(JobModel source) throws IOException {
    LoadOptions options = options(source);
    if (source.isEmbedded()) {
      return EmbeddedModel.open(options);
    }
    for (JobComponent component : source.components()) {
      options = options.component(component.name(), component.path());
    }
    if (source.isHubName()) {
      Path fetched = HubLocation.of(source.location()).orElseThrow().fetch();
      return DiffusionPipeline.load(fetched, options);
    }
    return DiffusionPipeline.load(Path.of(source.location()), options);
  }

  /** Opens a model that never knew the target as the job's is opened. */
  static DiffusionModel openControl(JobModel source, Path checkpoint) throws IOException {
    LoadOptions options = options(source);
    for (JobComponent component : source.components()) {
      options = options.component(component.name(), component.path());
    }
    return DiffusionPipeline.load(checkpoint, options);
  }

  private static LoadOptions options(JobModel source) {
    int threads = source.threads() == null ? 0 : source.threads();
    LoadOptions options = LoadOptions.defaults();
    if (source.isEmbedded()) {
      // Operations of a network of this size do not gain from a second thread, batches do.
      int workers = threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
      options = options.threads(1).workers(workers);
    } else {
      options = options.threads(threads);
    }
    Optional<Device> device = device(source.device());
    if (device.isPresent()) {
      options = options.device(device.get());
    } else if (source.isEmbedded()) {
      options = options.device(Device.cpu());
    }
    if ("as-stored".equals(source.weightDtype())) {
      options = options.weightDtype(WeightDtype.AS_STORED);
    }
    return "bf16-matmul".equals(source.precision())
        ? options.precision(Precision.BF16_MATMUL)
        : options;
  }

  static Optional<Device> device(@Nullable String text) {
    if (text == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(DeviceNames.parse(text));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("device " + e.getMessage(), e);
    }
  }

  /** {@return the job} */
  public AblationJob job() {
    return job;
  }

  /** {@return the open model, owned by the session unless the caller gave it} */
  public DiffusionModel model() {
    return model;
  }

  /**
   * Plans the ablation, without its evaluation.
   *
   * @return the plan, which can be changed further
   * @throws IOException if a file of prompts or images cannot be read
   */
  public Ablation plan() throws IOException {
    return new JobPlanner(job, model, evaluator).plan();
  }

  /**
   * Describes the evaluation.
   *
   * @return the evaluation; empty if the job has none
   * @throws IOException if a file cannot be read
   */
  public Optional<Evaluation> evaluation() throws IOException {
    return new JobPlanner(job, model, evaluator).evaluation();
  }

  /**
   * Describes the evaluation by itself, with its targets: without a plan that supplies them.
   *
   * @return the evaluation; empty if the job has none
   * @throws IOException if a file cannot be read
   */
  public Optional<Evaluation> evaluationAlone() throws IOException {
    Optional<Evaluation> wanted = evaluation();
    if (wanted.isEmpty() || !wanted.get().targets().isEmpty()) {
      return wanted;
    }
    Evaluation evaluation = wanted.get();
    for (TargetAnchor pair : plan().pairs()) {
      evaluation = evaluation.target(pair.target(), pair.anchor());
    }
    return Optional.of(evaluation);
  }

  /**
   * Takes on another job with the same model and evaluator.
   *
   * @param other a job whose model is this one's, on whatever device, and whose evaluator is, too
   * @return a session that shares what this one has open; this one is closed after it
   * @throws InvalidJobException if the job has problems, or the model is another one than the job
   *     says by its hash
   * @throws IllegalArgumentException if the evaluator is another one
   */
  public JobSession sharedWith(AblationJob other) {
    checkProblems(other);
    checkModel(other, model);
    if (!evaluatorOf(other).equals(evaluatorOf(job))) {
      throw new IllegalArgumentException(
          "evaluator must be that of the session, %s, was %s"
              .formatted(evaluatorOf(job), evaluatorOf(other)));
    }
    return new JobSession(other, model, evaluator);
  }

  /**
   * Describes the columns of the evaluation's images.
   *
   * @return a caption for each of the first images of every subject; empty if they have nothing in
   *     common
   */
  public List<String> columns() {
    return evaluator.embedded() != null ? EmbeddedTargets.of(job, null).columns() : List.of();
  }

  /** {@return what identifies the evaluator: its name and the hash of its weights} */
  public Optional<String> evaluatorSha256() {
    return evaluator.sha256();
  }

  /** {@return what sessions of the same model and evaluator share} */
  JobFound found() {
    return evaluator.found();
  }

  /** Closes what was opened. */
  @Override
  public void close() {
    while (!owned.isEmpty()) {
      AutoCloseable next = owned.removeLast();
      if (next instanceof DiffusionModel open) {
        open.close();
      } else if (next instanceof EmbeddedEvaluator open) {
        open.close();
      } else if (next instanceof Clip open) {
        open.close();
      } else if (next instanceof JobFound open) {
        open.close();
      }
    }
  }
}
