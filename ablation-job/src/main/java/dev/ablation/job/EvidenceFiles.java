package dev.ablation.job;

import com.google.gson.JsonObject;
import dev.ablation.AblationResult;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.ImagePair;
import dev.ablation.evaluation.Recovery;
import dev.ablation.evaluation.SubjectResult;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.job.evidence.Envelope;
import dev.ablation.job.evidence.Keys;
import dev.ablation.job.evidence.Manifest;
import dev.ablation.job.evidence.Sha256;
import dev.ablation.job.internal.RecordWriter;
import dev.ablation.metric.ConfidenceInterval;
import dev.ablation.metric.MetricResult;
import dev.ablation.model.DiffusionModel;
import dev.ablation.provenance.Provenance;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writes the evidence of a finished run into its folder. */
final class EvidenceFiles {
  static final String PREDICATE_TYPE = "urn:dev.ablation:evidence:1";

  private static final String IMAGES = "images";

  private final AblationJob job;
  private final Path folder;
  private final DiffusionModel model;
  private final Optional<String> evaluator;
  private final String request;

  EvidenceFiles(Path folder, JobSession session) {
    this.job = session.job();
    this.folder = folder;
    this.model = session.model();
    this.evaluator = session.evaluatorSha256();
    this.request = JobRun.request(job, folder);
  }

  /** Reads the key, so that a wrong one is found before the long work. */
  static @Nullable PrivateKey key(AblationJob job) throws IOException {
    Path file = job.outputs().signingKey();
    return file == null ? null : Keys.signing(file);
  }

  /** Everything but the manifest, which comes last. */
  void write(AblationResult result, List<Verdict> verdicts, List<TogetherResult> together)
      throws IOException {
    List<Evidence.Drawn> images = new ArrayList<>();
    if (result.evaluation().isPresent()) {
      images = images(result.evaluation().get());
    }
    Evidence evidence = evidence(result, verdicts, together, images);
    AtomicFiles.writeString(
        folder.resolve(Evidence.FILE), Existing.REPLACE, RecordWriter.write(evidence));
    AtomicFiles.writeString(
        folder.resolve(ModelCard.FILE),
        Existing.REPLACE,
        ModelCard.of(job, evidence, result.provenance().targets(), result.evaluation()));
    AtomicFiles.writeString(
        folder.resolve(MlBom.FILE),
        Existing.REPLACE,
        new MlBom(job, evidence, result.provenance().targets()).json(result.evaluation()));
  }

  private Evidence evidence(
      AblationResult result,
      List<Verdict> verdicts,
      List<TogetherResult> together,
      List<Evidence.Drawn> images)
      throws IOException {
    Provenance provenance = result.provenance();
    WeightDelta delta = result.delta();
    String applied = delta.applied(model, () -> model.weights().boundSha256()).orElseThrow();
    return new Evidence(
        Evidence.FORMAT,
        job.request().orElse(null),
        new Evidence.Hashes(
            provenance.baseName(),
            provenance.baseSha256(),
            Sha256.of(folder.resolve(JobRun.DELTA)),
            applied,
            evaluator.orElse(null)),
        provenance.libraryVersion(),
        Natives.sha256(),
        provenance.environment(),
        provenance.settings(),
        job.seed(),
        images,
        verdicts.stream()
            .map(verdict ->
                new Evidence.Judged(
                    verdict.limit().toString(),
                    verdict.measured().isPresent() ? verdict.measured().getAsDouble() : null,
                    verdict.met()))
            .toList(),
        verdicts.stream().allMatch(Verdict::met)
            && together.stream().allMatch(TogetherResult::accepted),
        Evidence.TOLERANCE,
        knownLimits(result.evaluation(), provenance, together),
        job.metadata());
  }

  private List<Evidence.Drawn> images(EvaluationResult evaluation) throws IOException {
    Files.createDirectories(folder.resolve(IMAGES));
    List<Evidence.Drawn> drawn = new ArrayList<>();
    int number = 0;
    for (SubjectResult subject : evaluation.subjects()) {
      String role = subject.subject().role().name().toLowerCase(Locale.ROOT);
      number++;
      for (int i = 0; i < subject.shown().size(); i++) {
        ImagePair pair = subject.shown().get(i);
        Evidence.Drawn each =
            new Evidence.Drawn(
                role,
                subject.subject().name(),
                i,
                pair.prompt(),
                pair.seed(),
                "%s/%02d-%s-%d%s".formatted(IMAGES, number, role, i, Evidence.Drawn.BEFORE));
        ImageFile.writePng(pair.base(), folder.resolve(each.file()));
        ImageFile.writePng(pair.ablated(), folder.resolve(each.after()));
        drawn.add(each);
      }
    }
    return drawn;
  }

  /** Says which conclusions the measurements do not carry. */
  private List<String> knownLimits(
      Optional<EvaluationResult> found, Provenance provenance, List<TogetherResult> together) {
    List<String> limits = new ArrayList<>();
    limits.add(
        "The delta belongs to the base model with SHA-256 %s; on other weights nothing is shown."
            .formatted(provenance.baseSha256()));
    limits.add(
        together.isEmpty()
            ? "The delta was tried alone: with other deltas applied as well, nothing is shown."
            : "The delta was tried together with those of %s; with others, nothing is shown."
                .formatted(
                    String.join(
                        ", ",
                        together.stream()
                            .map(each -> "request '" + each.request() + "'")
                            .filter(other -> !other.equals("request '" + request + "'"))
                            .toList())));
    if (found.isEmpty()) {
      limits.add("Nothing was measured: whether the target is gone is not known.");
      return limits;
    }
    EvaluationResult evaluation = found.get();
    boolean recognised = Acceptance.measure(AcceptanceLimit.UNLEARNING, evaluation).isPresent();
    if (!recognised) {
      limits.add(
          "No evaluator recognised the target: how much images changed is known, whether they still"
              + " show the target is not.");
    }
    for (SubjectResult subject : evaluation.subjects()) {
      Optional<MetricResult> share =
          subject.metrics().stream()
              .map(comparison -> comparison.ablated())
              .filter(metric -> metric.metric().equals(JobEvaluations.DRAWN))
              .findFirst();
      ConfidenceInterval interval = share.map(MetricResult::interval).orElse(null);
      if (share.isPresent() && interval != null) {
        limits.add(
            String.format(
                Locale.ROOT,
                "'%s' was counted in %d images; with that many, a true share from %.0f %% to %.0f %%"
                    + " is plausible (95 %% interval).",
                subject.subject().name(),
                subject.subject().images(),
                100 * interval.low(),
                100 * interval.high()));
      }
    }
    if (evaluation.attacks().isEmpty()) {
      limits.add(
          "The target was asked for by its name alone: whether other wordings or attacks recover it"
              + " was not tried.");
    } else {
      boolean trained =
          evaluation.attacks().stream().anyMatch(each -> each.family().equals("fine-tuning"));
      limits.add(
          "Recovery was tried by %s; other attacks%s were not."
              .formatted(
                  String.join(
                      ", ",
                      evaluation.attacks().stream().map(each -> each.name()).distinct().toList()),
                  trained ? "" : ", and further training,"));
    }
    evaluation
        .attacksLeftOut()
        .forEach((attack, reason) ->
            limits.add("Recovery by %s was not tried: %s.".formatted(attack, reason)));
    for (AttackResult attack : evaluation.attacks()) {
      Optional<Recovery> judged = attack.independent();
      if (judged.isEmpty()) {
        limits.add(
            "'%s' follows the evaluator that counts its images: how many show the target is not known."
                .formatted(attack.name()));
      } else if (!judged.get().isEvidence()) {
        limits.add(
            "'%s' does not draw the target from the base model often enough to say anything about"
                    .formatted(attack.name())
                + " the removal.");
      }
    }
    if (evaluation.of(dev.ablation.evaluation.Role.NEIGHBOUR).isEmpty()) {
      limits.add("No neighbours were drawn: whether the rest is intact is not known.");
    }
    limits.add(
        "An automatic evaluator counted the images; it makes mistakes. The images are in the folder"
            + " to look at.");
    return limits;
  }

  /** Lists and signs what the folder holds. */
  static void seal(AblationJob job, Path folder, boolean accepted, @Nullable PrivateKey key)
      throws IOException {
    JsonObject predicate = new JsonObject();
    job.request().ifPresent(id -> predicate.addProperty("request", id));
    predicate.addProperty("accepted", accepted);
    predicate.addProperty("evidence", Evidence.FILE);
    Manifest manifest = Manifest.of(folder, PREDICATE_TYPE, predicate);
    if (key != null) {
      Envelope.sign(manifest.toJson().getBytes(StandardCharsets.UTF_8), key).write(folder);
    }
    // The last file: a folder with a manifest is finished.
    manifest.write(folder);
  }
}
