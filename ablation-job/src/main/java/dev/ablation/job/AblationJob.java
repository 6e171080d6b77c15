package dev.ablation.job;

import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.internal.TextFile;
import dev.ablation.internal.TextFormatException;
import dev.ablation.job.evidence.Sha256;
import dev.ablation.job.internal.RecordPaths;
import dev.ablation.job.internal.RecordReader;
import dev.ablation.job.internal.RecordSchema;
import dev.ablation.job.internal.RecordWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One description of the work: the model, what to remove from it and what to draw instead, the
 * method, limits, evaluation, what the result must show, and what is written. It is read from a job
 * file (JSON, comments allowed) or built here; immutable, every setter returns a changed copy. It
 * becomes an {@link dev.ablation.Ablation} with a {@link JobSession}, and a folder of evidence with
 * a {@link JobRun}.
 *
 * {@snippet class="dev.ablation.job.Snippets" region="job"}
 */
@CheckReturnValue
public final class AblationJob {
  private static final String SCHEMA_ID = "dev.ablation.job/1";

  private final JobDocument document;

  private AblationJob(JobDocument document) {
    this.document = document;
  }

  /**
   * Begins a job with all defaults.
   *
   * @param model the model
   * @param targets what to remove, at least one
   * @return the job
   */
  public static AblationJob of(JobModel model, List<JobTarget> targets) {
    return new AblationJob(
        new JobDocument(
            null,
            null,
            Objects.requireNonNull(model, "model"),
            targets,
            null,
            null,
            null,
            null,
            null,
            List.of(),
            null,
            Map.of()));
  }

  /**
   * Reads a job file. Paths in it are relative to its folder.
   *
   * @param file the file
   * @return the job; its paths are absolute
   * @throws InvalidJobException with all problems: what is not JSON, unknown keys with the nearest
   *     known one, wrong values, contradictions
   * @throws IOException if the file cannot be read
   */
  public static AblationJob read(Path file) throws IOException {
    return read(file, JobRoot.anywhere());
  }

  /**
   * Reads a job file that may name files below a folder only.
   *
   * @param file the file
   * @param root what may be read and written
   * @return the job; its paths are absolute
   * @throws InvalidJobException as {@link #read(Path)}, and if a path leads elsewhere
   * @throws IOException if the file cannot be read
   */
  public static AblationJob read(Path file, JobRoot root) throws IOException {
    String text;
    try {
      text = TextFile.read(file);
    } catch (TextFormatException e) {
      throw new InvalidJobException(
          file.toString(),
          List.of(Objects.requireNonNull(e.getMessage()).replace(file + ": ", "")));
    }
    Path folder = Objects.requireNonNull(file.toAbsolutePath().getParent());
    return parse(text, file.toString(), folder, root);
  }

  /**
   * Parses the text of a job file.
   *
   * @param text JSON, comments allowed
   * @param name of the text, for messages
   * @param folder that relative paths begin at
   * @param root what may be read and written
   * @return the job; its paths are absolute
   * @throws InvalidJobException as {@link #read(Path, JobRoot)}
   */
  public static AblationJob parse(String text, String name, Path folder, JobRoot root) {
    try {
      JobDocument document = RecordReader.read(text, JobDocument.class);
      JobPaths paths = new JobPaths(folder, root);
      AblationJob job = new AblationJob(paths.resolve(document));
      List<String> problems = new ArrayList<>(paths.problems());
      problems.addAll(job.problems());
      if (!problems.isEmpty()) {
        throw new InvalidJobException(name, problems);
      }
      return job;
    } catch (IOException e) {
      throw new InvalidJobException(name, List.of(String.valueOf(e.getMessage())));
    } catch (IllegalArgumentException e) {
      throw new InvalidJobException(name, String.valueOf(e.getMessage()).lines().toList());
    }
  }

  /**
   * Hashes what determines the result: everything but {@link #outputs()}, with absolute paths, and
   * the content of the files that the job names. Of folders and of the model only the name counts.
   *
   * @return 64 hexadecimal digits
   * @throws IOException if a file that the job names cannot be read
   */
  public String sha256() throws IOException {
    AblationJob plain = absolute().outputs(JobOutputs.defaults());
    StringBuilder hashed = new StringBuilder(plain.toJson());
    List<Path> files = new ArrayList<>();
    RecordPaths.map(
        plain.document,
        (key, path) -> {
          files.add(path);
          return path;
        });
    for (Path file : files) {
      if (Files.isRegularFile(file)) {
        hashed.append(file).append(' ').append(Sha256.of(file)).append('\n');
      }
    }
    return Sha256.of(hashed.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** {@return the job with absolute paths: relative ones begin at the working directory} */
  public AblationJob absolute() {
    JobPaths paths = new JobPaths(Path.of(""), JobRoot.anywhere());
    return new AblationJob(paths.resolve(document));
  }

  /** {@return the JSON Schema of job files, draft 2020-12} */
  public static String schema() {
    return RecordSchema.of(JobDocument.class, SCHEMA_ID, "Ablation job", "Job");
  }

  /** {@return tables of all keys, in Markdown} */
  static String tables() {
    return RecordSchema.tables(JobDocument.class, "Job");
  }

  /** {@return the job as the text of a job file} */
  public String toJson() {
    return RecordWriter.write(document);
  }

  /**
   * Writes a job file. It appears whole or not at all.
   *
   * @param file must not exist
   * @throws IOException if it exists or cannot be written
   */
  public void write(Path file) throws IOException {
    AtomicFiles.writeString(file, Existing.REFUSE, toJson());
  }

  /**
   * Checks what can be checked without the model: missing and contradictory values.
   *
   * @return all problems; empty if there are none
   */
  public List<String> problems() {
    return new JobCheck(this).problems();
  }

  /** {@return the identifier of the request that the job answers} */
  public Optional<String> request() {
    return Optional.ofNullable(document.request());
  }

  /**
   * Changes the identifier of the request.
   *
   * @param id such as {@code "TR-2041"}
   * @return the changed job
   */
  public AblationJob request(String id) {
    Objects.requireNonNull(id, "id");
    return new AblationJob(document.with("request", id));
  }

  /** {@return the model} */
  public JobModel model() {
    return Objects.requireNonNullElseGet(document.model(), JobModel::embedded);
  }

  /**
   * Changes the model.
   *
   * @param model the model
   * @return the changed job
   */
  public AblationJob model(JobModel model) {
    Objects.requireNonNull(model, "model");
    return new AblationJob(document.with("model", model));
  }

  /** {@return what is removed, at least one} */
  public List<JobTarget> targets() {
    return document.targets();
  }

  /**
   * Changes what is removed.
   *
   * @param targets at least one
   * @return the changed job
   */
  public AblationJob targets(List<JobTarget> targets) {
    return new AblationJob(document.with("targets", targets));
  }

  /** {@return what training preserves} */
  public Optional<JobPreservation> preserve() {
    return Optional.ofNullable(document.preserve());
  }

  /**
   * Changes what training preserves.
   *
   * @param preservation concepts, prompts and their weight
   * @return the changed job
   */
  public AblationJob preserve(JobPreservation preservation) {
    return new AblationJob(document.with("preserve", preservation));
  }

  /** {@return the method} */
  public JobMethod method() {
    return Objects.requireNonNullElseGet(
        document.method(), () -> JobMethod.preset(JobMethod.RECOMMENDED));
  }

  /**
   * Changes the method.
   *
   * @param method the method
   * @return the changed job
   */
  public AblationJob method(JobMethod method) {
    return new AblationJob(document.with("method", method));
  }

  /** {@return the seed of all random numbers} */
  public long seed() {
    return Objects.requireNonNullElse(document.seed(), 0L);
  }

  /**
   * Changes the seed.
   *
   * @param seed any number
   * @return the changed job
   */
  public AblationJob seed(long seed) {
    return new AblationJob(document.with("seed", seed));
  }

  /** {@return what a run may take} */
  public Optional<JobLimits> limits() {
    return Optional.ofNullable(document.limits());
  }

  /**
   * Changes what a run may take.
   *
   * @param limits time and memory
   * @return the changed job
   */
  public AblationJob limits(JobLimits limits) {
    return new AblationJob(document.with("limits", limits));
  }

  /** {@return the evaluation} */
  public JobEvaluation evaluation() {
    return Objects.requireNonNullElseGet(document.evaluation(), JobEvaluation::defaults);
  }

  /**
   * Changes the evaluation.
   *
   * @param evaluation the evaluation
   * @return the changed job
   */
  public AblationJob evaluation(JobEvaluation evaluation) {
    return new AblationJob(document.with("evaluation", evaluation));
  }

  /** {@return what the evaluation must show} */
  public List<AcceptanceLimit> acceptance() {
    return document.acceptance();
  }

  /**
   * Changes what the evaluation must show.
   *
   * @param limits such as {@code AcceptanceLimit.parse("UA >= 95")}
   * @return the changed job
   */
  public AblationJob acceptance(List<AcceptanceLimit> limits) {
    return new AblationJob(document.with("acceptance", limits));
  }

  /** {@return what is written} */
  public JobOutputs outputs() {
    return Objects.requireNonNullElseGet(document.outputs(), JobOutputs::defaults);
  }

  /**
   * Changes what is written.
   *
   * @param outputs folder, export, key, ledger
   * @return the changed job
   */
  public AblationJob outputs(JobOutputs outputs) {
    return new AblationJob(document.with("outputs", outputs));
  }

  /** {@return free texts by name, which the evidence repeats} */
  public Map<String, String> metadata() {
    return document.metadata();
  }

  /**
   * Changes the free texts.
   *
   * @param metadata texts by name
   * @return the changed job
   */
  public AblationJob metadata(Map<String, String> metadata) {
    return new AblationJob(document.with("metadata", metadata));
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof AblationJob job && document.equals(job.document);
  }

  @Override
  public int hashCode() {
    return document.hashCode();
  }

  @Override
  public String toString() {
    return request().map(id -> "job '" + id + "'").orElse("job");
  }
}
