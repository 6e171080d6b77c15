package dev.ablation.cli;

import dev.ablation.delta.WeightDelta;
import dev.ablation.job.EvidenceBundle;
import dev.ablation.job.JobRun;
import dev.ablation.job.ledger.Ledger;
import dev.ablation.job.ledger.LedgerEntry;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The deltas that a command applies: files, bundles, and what a ledger says. */
final class Deltas {
  @Option(
      names = "--delta",
      paramLabel = "PATH",
      description = "A delta file or a folder of evidence; may be given several times.")
  private List<Path> paths = List.of();

  @Option(
      names = "--ledger",
      paramLabel = "FILE",
      description = "A ledger: every removal that applies.")
  private @Nullable Path ledger;

  private List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path path : paths) {
      files.add(Files.isDirectory(path) ? path.resolve(JobRun.DELTA) : path);
    }
    if (ledger != null) {
      for (LedgerEntry entry : Ledger.read(ledger)) {
        if (entry.active()) {
          files.add(deltaOf(ledger, entry));
        }
      }
    }
    return files;
  }

  /** The delta of an entry, which must be the one that was entered. */
  static Path deltaOf(Path ledger, LedgerEntry entry) throws IOException {
    EvidenceBundle bundle = EvidenceBundle.open(Ledger.bundle(ledger, entry));
    if (!bundle.deltaSha256().equals(entry.deltaSha256())) {
      throw new IOException(
          "%s: the delta of request '%s' must have SHA-256 %s, has %s"
              .formatted(
                  bundle.folder(), entry.request(), entry.deltaSha256(), bundle.deltaSha256()));
    }
    return bundle.folder().resolve(JobRun.DELTA);
  }

  /** Reads the deltas and adds them up. */
  Optional<WeightDelta> sum(DiffusionModel model) throws IOException {
    return sum(files(), model);
  }

  static Optional<WeightDelta> sum(List<Path> files, DiffusionModel model) throws IOException {
    WeightDelta sum = null;
    for (Path file : files) {
      WeightDelta next = WeightDelta.load(file, model.manager());
      if (sum == null) {
        sum = next;
        continue;
      }
      WeightDelta before = sum;
      try (before;
          next) {
        sum = before.plus(next);
      }
    }
    return Optional.ofNullable(sum);
  }
}
