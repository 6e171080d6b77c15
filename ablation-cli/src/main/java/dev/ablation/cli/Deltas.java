package dev.ablation.cli;

import dev.ablation.delta.WeightDelta;
import dev.ablation.job.JobRun;
import dev.ablation.job.Removals;
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

  /** Reads the deltas and adds them up. */
  Optional<WeightDelta> sum(DiffusionModel model) throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path path : paths) {
      files.add(Files.isDirectory(path) ? path.resolve(JobRun.DELTA) : path);
    }
    if (ledger != null) {
      Removals.of(ledger).bundles().forEach(each -> files.add(each.folder().resolve(JobRun.DELTA)));
    }
    return Removals.sum(files, model);
  }
}
