package dev.ablation.cli;

import dev.ablation.job.EvidenceBundle;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Parameters;

/** The folder of evidence that a command takes. */
final class BundleArgument {
  @Parameters(paramLabel = "BUNDLE", description = "Folder of evidence.")
  private Path folder;

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required
  BundleArgument() {}

  Path folder() {
    return folder;
  }

  EvidenceBundle open() throws IOException {
    return EvidenceBundle.open(folder);
  }
}
