package dev.ablation.job;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Role;
import dev.ablation.evaluation.Subject;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.FileReading;
import dev.ablation.internal.TextFile;
import dev.ablation.job.evidence.Envelope;
import dev.ablation.job.evidence.Manifest;
import dev.ablation.job.internal.RecordReader;
import dev.ablation.model.DiffusionModel;
import dev.ablation.provenance.PairSettings;
import dev.ablation.report.Report;
import dev.ablation.sample.FacilitatedTransport;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.Measurement;
import dev.ablation.train.TrainingOutcome;
import dev.ablation.train.TrainingResult.Step;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The evidence of a finished run: a folder with the job, the delta, the report, images before and
 * after, hashes, verdicts, a bill of materials, a model card, and a manifest over all of it.
 */
public final class EvidenceBundle {
  private static final double WHITE = 255;
  private static final String REPORT_JSON = "report.json";
  private static final double MILLIS = 1000;

  private final Path folder;
  private final Evidence evidence;
  private final AblationJob job;

  private EvidenceBundle(Path folder, Evidence evidence, AblationJob job) {
    this.folder = folder;
    this.evidence = evidence;
    this.job = job;
  }

  /**
   * Opens a bundle. Nothing is verified yet.
   *
   * @param folder of a finished run
   * @return the bundle
   * @throws IOException if the folder holds no finished run, or a file cannot be read
   */
  public static EvidenceBundle open(Path folder) throws IOException {
    if (!JobRun.isFinished(folder)) {
      throw new NoSuchFileException(
          folder.toString(), null, "no evidence: the folder has no " + Manifest.FILE);
    }
    Path file = folder.resolve(Evidence.FILE);
    Evidence evidence =
        FileReading.of(file, () -> RecordReader.read(TextFile.read(file), Evidence.class));
    return new EvidenceBundle(folder, evidence, AblationJob.read(folder.resolve(JobRun.JOB)));
  }

  /** {@return the folder} */
  public Path folder() {
    return folder;
  }

  /** {@return the job that was run} */
  public AblationJob job() {
    return job;
  }

  /** {@return SHA-256 of the base model's weights} */
  public String baseSha256() {
    return evidence.hashes().base();
  }

  /** {@return SHA-256 of the delta's file, as the evidence states it} */
  public String deltaSha256() {
    return evidence.hashes().delta();
  }

  /** {@return the version of the library that made the bundle} */
  public String library() {
    return evidence.library();
  }

  /**
   * Finds the images of subjects.
   *
   * @param role of the subjects
   * @return the pairs of images that the bundle holds, in order
   */
  public List<DrawnPair> images(Role role) {
    String name = role.name().toLowerCase(Locale.ROOT);
    return evidence.images().stream()
        .filter(each -> each.role().equals(name))
        .map(each ->
            new DrawnPair(
                each.subject(),
                each.prompt(),
                each.seed(),
                folder.resolve(each.file()),
                folder.resolve(each.after())))
        .toList();
  }

  /**
   * Two images of one prompt and seed.
   *
   * @param subject what the prompt is about
   * @param prompt of both
   * @param seed of both
   * @param before file of the base model's image
   * @param after file of the image with the delta applied
   */
  public record DrawnPair(String subject, String prompt, long seed, Path before, Path after) {}

  /** {@return a verdict for each limit of the job, in words} */
  public List<String> verdicts() {
    return evidence.verdicts().stream()
        .map(each ->
            each.limit()
                + (each.met() ? ": met" : ": not met")
                + (each.measured() == null
                    ? ", not measured"
                    : String.format(Locale.ROOT, ", measured %.4g", each.measured())))
        .toList();
  }

  /**
   * Returns what was removed.
   *
   * @return such as {@code "style 'blueprint'"}
   */
  public List<String> targets() {
    return PairSettings.targets(evidence.settings());
  }

  /** {@return the identifier of the request; the folder's name where the job has none} */
  public String request() {
    return JobRun.request(job, folder);
  }

  /** {@return whether every limit of the job was met} */
  public boolean accepted() {
    return evidence.accepted();
  }

  /**
   * Reads the delta.
   *
   * @param parent determines engine and device
   * @return the delta; the caller closes it
   * @throws IOException if it cannot be read, or differs from its checksums
   */
  public WeightDelta delta(NDManager parent) throws IOException {
    return WeightDelta.load(folder.resolve(JobRun.DELTA), parent);
  }

  /**
   * Verifies hashes and signature, without a model.
   *
   * @param key that must have signed the bundle; {@code null} to accept any or none
   * @return what was checked
   * @throws IOException if a file cannot be read
   */
  public List<Check> verify(@Nullable PublicKey key) throws IOException {
    List<Check> checks = new ArrayList<>();
    Optional<Envelope> envelope = Envelope.read(folder);
    byte[] manifest = Files.readAllBytes(folder.resolve(Manifest.FILE));
    if (envelope.isPresent()) {
      checks.add(
          Check.of(
              "signed manifest",
              envelope.get().contains(manifest),
              "the signature is of another manifest"));
    }
    if (key == null) {
      checks.add(
          new Check(
              "signature",
              Check.Outcome.SKIPPED,
              envelope.isPresent() ? "no key was given" : "the bundle is not signed"));
    } else {
      checks.add(
          Check.of(
              "signature",
              envelope.isPresent() && envelope.get().isSignedBy(key),
              envelope.isPresent() ? "another key made it" : "the bundle is not signed"));
    }
    List<String> differences = Manifest.read(folder).differences(folder);
    checks.add(Check.of("files", differences.isEmpty(), String.join("; ", differences)));
    Manifest read = Manifest.read(folder);
    checks.add(
        Check.of(
            "delta",
            evidence.hashes().delta().equals(read.sha256().get(JobRun.DELTA)),
            "the manifest has another delta than the evidence"));
    return checks;
  }

  /**
   * Verifies hashes and signature, applies the delta to a model and draws again what the evidence
   * shows of the targets and the first neighbour. In the same environment images must be the same
   * to the byte, in another one within the distance that the evidence states.
   *
   * @param key that must have signed the bundle; {@code null} to accept any or none
   * @param model the base model, opened as {@link JobSession#openModel} opens the job's: with other
   *     threads images differ in the last digits
   * @return what was checked
   * @throws IOException if a file cannot be read
   */
  public List<Check> verify(@Nullable PublicKey key, DiffusionModel model) throws IOException {
    List<Check> checks = new ArrayList<>(verify(key));
    if (checks.stream().anyMatch(Check::failed)) {
      checks.add(
          new Check("drawn again", Check.Outcome.SKIPPED, "the files are not what they were"));
      return checks;
    }
    String base = model.weights().sha256();
    boolean sameBase = base.equals(evidence.hashes().base());
    checks.add(
        Check.of(
            "base model",
            sameBase,
            "weights must have SHA-256 %s, have %s".formatted(evidence.hashes().base(), base)));
    if (!sameBase) {
      return checks;
    }
    try (WeightDelta delta = delta(model.manager())) {
      String result = delta.applied(model, () -> model.weights().boundSha256()).orElse("");
      checks.add(
          Check.of(
              "result",
              result.equals(evidence.hashes().result()),
              "weights with the delta must have SHA-256 %s, have %s"
                  .formatted(evidence.hashes().result(), result)));
      checks.add(redrawn(model, delta));
    }
    return checks;
  }

  private Check redrawn(DiffusionModel model, WeightDelta delta) throws IOException {
    String name = "drawn again";
    if (evidence.images().isEmpty()) {
      return new Check(name, Check.Outcome.SKIPPED, "the evidence has no images");
    }
    SamplingSettings sampling = JobEvaluations.sampling(job, model);
    Map<String, String> here = delta.provenance().environment();
    boolean same = here.equals(evidence.environment()) && environmentIsThisOne(model);
    // Earlier versions drew with every delta in full, and say nothing of a gate.
    boolean byGate = evaluation().settings().containsKey("gate");
    double worst = 0;
    int images = 0;
    for (Subject subject : sample()) {
      List<Evidence.Drawn> shown =
          evidence.images().stream()
              .filter(each -> each.role().equals(role(subject)))
              .filter(each -> each.subject().equals(subject.name()))
              .filter(each -> each.index() < sampling.batchSize())
              .toList();
      int count = Math.min(subject.images(), sampling.batchSize());
      List<String> prompts = IntStream.range(0, count).mapToObj(subject::prompt).toList();
      LatentSampler sampler = LatentSampler.of(model).settings(sampling);
      List<BufferedImage> before = sampler.draw(prompts, job.seed());
      List<BufferedImage> after =
          byGate
              ? FacilitatedTransport.drawWith(delta, model, sampler, prompts, job.seed())
              : delta.applied(model, () -> sampler.draw(prompts, job.seed()));
      for (Evidence.Drawn each : shown) {
        worst = Math.max(worst, distance(before.get(each.index()), each.file()));
        worst = Math.max(worst, distance(after.get(each.index()), each.after()));
        images += 2;
      }
    }
    double most = same ? 0 : evidence.tolerance();
    String found =
        String.format(
            Locale.ROOT,
            "%d images, largest mean difference %.5f, at most %.5f allowed in %s environment",
            images,
            worst,
            most,
            same ? "the same" : "another");
    return new Check(name, worst <= most ? Check.Outcome.PASSED : Check.Outcome.FAILED, found);
  }

  /** Whether Java, system, processor and device are those of the evidence. */
  private boolean environmentIsThisOne(DiffusionModel model) {
    Map<String, String> stated = evidence.environment();
    return (System.getProperty("java.vm.name") + " " + Runtime.version()).equals(stated.get("java"))
        && System.getProperty("os.arch").equals(stated.get("arch"))
        && (System.getProperty("os.name") + " " + System.getProperty("os.version"))
            .equals(stated.get("os"))
        && Integer.toString(Runtime.getRuntime().availableProcessors())
            .equals(stated.get("processors"))
        && model.descriptor().device().toString().equals(stated.get("device"));
  }

  private static String role(Subject subject) {
    return subject.role().name().toLowerCase(Locale.ROOT);
  }

  private List<Subject> sample() throws IOException {
    List<Subject> subjects = evaluation().subjects().stream().map(each -> each.subject()).toList();
    List<Subject> sample = new ArrayList<>();
    subjects.stream().filter(each -> each.role() == Role.TARGET).forEach(sample::add);
    subjects.stream().filter(each -> each.role() == Role.NEIGHBOUR).limit(1).forEach(sample::add);
    return sample;
  }

  /**
   * Reads what the run found, as {@link JobRun#run()} returned it when it ended.
   *
   * @return the result; its evaluations have no images, those that were shown are in the folder
   * @throws IOException if a file cannot be read
   */
  public JobResult result() throws IOException {
    List<Verdict> verdicts =
        FileReading.of(
            folder.resolve(Evidence.FILE),
            () ->
                evidence.verdicts().stream()
                    .map(each ->
                        new Verdict(
                            AcceptanceLimit.parse(each.limit()),
                            each.measured() == null
                                ? OptionalDouble.empty()
                                : OptionalDouble.of(each.measured())))
                    .toList());
    Path file = folder.resolve(JobEnd.TOGETHER);
    List<TogetherResult> together =
        Files.exists(file)
            ? FileReading.of(file, () -> TogetherResult.read(TextFile.read(file)))
            : List.of();
    // What meets every limit is entered before the manifest is written.
    boolean entered = job.outputs().ledger() != null && accepted();
    return new JobResult(job, folder, verdicts, evaluationIfAny(), together, entered);
  }

  /**
   * Reads the evaluation.
   *
   * @return the evaluation, without its images
   * @throws IOException if there is none, or it cannot be read
   */
  public EvaluationResult evaluation() throws IOException {
    return evaluationIfAny()
        .orElseThrow(
            () -> new IOException(folder.resolve(REPORT_JSON) + ": the report has no evaluation"));
  }

  /**
   * Reads the evaluation if there is one.
   *
   * @return the evaluation, without its images; empty if the job has none
   * @throws IOException if it cannot be read
   */
  public Optional<EvaluationResult> evaluationIfAny() throws IOException {
    return inReport("evaluation", found -> EvaluationResult.fromJson(found.toString()));
  }

  /**
   * Reads how the delta was trained, as a report shows it.
   *
   * @return the training; empty if the report has none
   * @throws IOException if it cannot be read
   */
  public Optional<Report.Training> training() throws IOException {
    return inReport("training", found -> training(found.getAsJsonObject()));
  }

  private static Report.Training training(JsonObject json) {
    JsonArray norms = json.getAsJsonArray("gradientNorm");
    List<Step> history = new ArrayList<>();
    for (JsonElement loss : json.getAsJsonArray("loss")) {
      history.add(new Step(number(loss), number(norms.get(history.size()))));
    }
    List<Measurement> measurements = new ArrayList<>();
    for (JsonElement each : json.getAsJsonArray("measurements")) {
      JsonObject one = each.getAsJsonObject();
      measurements.add(
          new Measurement(
              one.get("step").getAsInt(), one.get("name").getAsString(), number(one.get("value"))));
    }
    JsonElement memory = json.get("memoryBytes");
    return new Report.Training(
        history,
        measurements,
        new TrainingOutcome(
            json.get("steps").getAsInt(),
            json.get("step").getAsInt(),
            json.get("early").getAsBoolean(),
            json.get("reason").getAsString()),
        Duration.ofMillis(Math.round(MILLIS * json.get("seconds").getAsDouble())),
        isNull(memory) ? OptionalLong.empty() : OptionalLong.of(memory.getAsLong()));
  }

  /** What is no number is written as null. */
  private static double number(JsonElement value) {
    return value.isJsonNull() ? Double.NaN : value.getAsDouble();
  }

  private static boolean isNull(@Nullable JsonElement value) {
    return value == null || value.isJsonNull();
  }

  private <T> Optional<T> inReport(String name, Function<JsonElement, T> reading)
      throws IOException {
    Path file = folder.resolve(REPORT_JSON);
    return FileReading.of(
        file,
        () -> {
          JsonElement found =
              JsonParser.parseString(TextFile.read(file)).getAsJsonObject().get(name);
          return isNull(found) ? Optional.empty() : Optional.of(reading.apply(found));
        });
  }

  /** The mean difference of the channels of all pixels, from 0 to 1. */
  private double distance(BufferedImage drawn, String file) throws IOException {
    BufferedImage stored = ImageFile.read(folder.resolve(file));
    if (drawn.getWidth() != stored.getWidth() || drawn.getHeight() != stored.getHeight()) {
      return 1;
    }
    long sum = 0;
    for (int y = 0; y < drawn.getHeight(); y++) {
      for (int x = 0; x < drawn.getWidth(); x++) {
        int a = drawn.getRGB(x, y);
        int b = stored.getRGB(x, y);
        for (int shift = 0; shift < 24; shift += 8) {
          sum += Math.abs((a >> shift & 0xff) - (b >> shift & 0xff));
        }
      }
    }
    return sum / (WHITE * 3 * drawn.getWidth() * drawn.getHeight());
  }

  /**
   * One thing that was checked.
   *
   * @param name what was checked
   * @param outcome how it ended
   * @param detail why; empty if there is nothing to say
   */
  public record Check(String name, Outcome outcome, String detail) {

    /** How a check ended. */
    public enum Outcome {
      /** It is as it must be. */
      PASSED,
      /** It is not. */
      FAILED,
      /** It was not checked. */
      SKIPPED
    }

    static Check of(String name, boolean passed, String otherwise) {
      return new Check(name, passed ? Outcome.PASSED : Outcome.FAILED, passed ? "" : otherwise);
    }

    /** {@return whether it failed} */
    public boolean failed() {
      return outcome == Outcome.FAILED;
    }

    @Override
    public String toString() {
      String text = name + ": " + outcome.name().toLowerCase(Locale.ROOT);
      return detail.isEmpty() ? text : text + ", " + detail;
    }
  }
}
