package dev.ablation.job;

import dev.ablation.AblationResult;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.lora.LoraFile;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationListener;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.AtomicFiles.Existing;
import dev.ablation.job.evidence.Sha256;
import dev.ablation.job.internal.RecordWriter;
import dev.ablation.job.ledger.Ledger;
import dev.ablation.job.ledger.LedgerEntry;
import dev.ablation.metric.EvaluationProgress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The end of a run: evidence, what the job asks for beside it, the entry in the ledger, and the
 * manifest as the last file. Killed before that, it is done again with the same result; killed
 * after it, only checkpoints are left over.
 */
final class JobEnd {
  /** How the removals of the ledger do together. */
  static final String TOGETHER = "together.json";

  /** An entry is written in milliseconds. */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final AblationJob job;
  private final Path folder;
  private final JobSession session;
  private final AblationListener listener;
  private final BooleanSupplier cancelled;

  JobEnd(
      AblationJob job,
      Path folder,
      JobSession session,
      AblationListener listener,
      BooleanSupplier cancelled) {
    this.job = job;
    this.folder = folder;
    this.session = session;
    this.listener = listener;
    this.cancelled = cancelled;
  }

  /** Whether an entry is of this run, by an end that was killed. */
  static boolean isOf(LedgerEntry entry, Path ledger, String request, Path folder) {
    return entry.active()
        && entry.request().equals(request)
        && Ledger.bundle(ledger, entry).equals(folder.toAbsolutePath().normalize());
  }

  JobResult write(AblationResult result, JobRun.MoreFiles more, @Nullable PrivateKey key)
      throws IOException {
    Path delta = folder.resolve(JobRun.DELTA);
    Files.deleteIfExists(delta); // of an end that was killed
    result.delta().save(delta);
    result.report(folder.resolve(JobRun.REPORT));
    export(result);
    more.write(result, session);
    List<Verdict> verdicts = Acceptance.verdicts(job.acceptance(), result.evaluation());
    EvidenceFiles evidence = new EvidenceFiles(folder, session);
    Path ledger = job.outputs().ledger();
    if (ledger == null) {
      evidence.write(result, verdicts, List.of());
      return seal(result, verdicts, List.of(), false, key);
    }
    while (true) {
      List<LedgerEntry> others = others(ledger);
      List<TogetherResult> together = together(result, ledger, others);
      evidence.write(result, verdicts, together);
      JobResult found = new JobResult(job, folder, verdicts, result.evaluation(), together, false);
      if (!found.accepted()) {
        return seal(result, verdicts, together, false, key);
      }
      String base = result.provenance().baseSha256();
      try (Ledger open = Ledger.open(ledger, base, PATIENCE)) {
        // What another request entered or took out meanwhile was not evaluated with this one.
        if (others(ledger).equals(others)) {
          enter(open, ledger, result);
          return seal(result, verdicts, together, true, key);
        }
      }
    }
  }

  private void enter(Ledger open, Path ledger, AblationResult result) throws IOException {
    String sha256 = Sha256.of(folder.resolve(JobRun.DELTA));
    Optional<LedgerEntry> own =
        open.entries().stream().filter(entry -> isOfThis(entry, ledger)).findFirst();
    if (own.isEmpty()) {
      open.add(request(), folder, sha256, result.provenance().targets());
    } else if (!own.get().deltaSha256().equals(sha256)) {
      // A run in another environment may come to other bytes.
      open.undo(request());
      open.add(request(), folder, sha256, result.provenance().targets());
    }
  }

  private String request() {
    return JobRun.request(job, folder);
  }

  private boolean isOfThis(LedgerEntry entry, Path ledger) {
    return isOf(entry, ledger, request(), folder);
  }

  /** The removals of other requests that apply. */
  private List<LedgerEntry> others(Path ledger) throws IOException {
    if (!Files.exists(ledger)) {
      return List.of();
    }
    return Ledger.read(ledger).stream()
        .filter(LedgerEntry::active)
        .filter(entry -> !isOfThis(entry, ledger))
        .toList();
  }

  private List<TogetherResult> together(
      AblationResult result, Path ledger, List<LedgerEntry> others) throws IOException {
    Path file = folder.resolve(TOGETHER);
    Files.deleteIfExists(file);
    if (others.isEmpty()) {
      return List.of();
    }
    Removals earlier = Removals.of(ledger, others);
    List<TogetherResult> results = new ArrayList<>();
    try (WeightDelta before = earlier.sum(session.model()).orElseThrow();
        WeightDelta sum = Removals.plus(before, result.delta())) {
      results.addAll(earlier.evaluate(session.model(), sum, this::progress, cancelled));
      Consumer<EvaluationProgress> progress = this::progress;
      results.add(
          Removals.evaluate(
              session, request(), result.evaluation().orElse(null), sum, progress, cancelled));
    }
    AtomicFiles.writeString(
        file, Existing.REPLACE, RecordWriter.write(TogetherResult.json(results)));
    return results;
  }

  private void progress(EvaluationProgress step) {
    listener.on(new AblationEvent.EvaluationProgressed(step.task(), step.done(), step.total()));
  }

  private JobResult seal(
      AblationResult result,
      List<Verdict> verdicts,
      List<TogetherResult> together,
      boolean entered,
      @Nullable PrivateKey key)
      throws IOException {
    JobResult found = new JobResult(job, folder, verdicts, result.evaluation(), together, entered);
    EvidenceFiles.seal(job, folder, found.accepted(), key);
    // Last, or a run that is killed in between would train again.
    delete(folder.resolve(JobRun.WORK));
    return found;
  }

  /** What the job asks for beside the evidence. What an end that was killed wrote is complete. */
  private void export(AblationResult result) throws IOException {
    Path checkpoint = job.outputs().export();
    if (checkpoint != null && !Files.exists(checkpoint)) {
      result.delta().export(session.model(), checkpoint);
    }
    Path lora = job.outputs().lora();
    if (lora != null && !Files.exists(lora)) {
      LoraFile.save(result.delta(), lora);
    }
  }

  /** Deletes what an end that was killed after its manifest left of the work. */
  static void clear(Path folder) throws IOException {
    Path work = folder.resolve(JobRun.WORK);
    if (Files.exists(work)) {
      delete(work);
    }
  }

  private static void delete(Path tree) throws IOException {
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
