package dev.ablation.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The ledger that a command changes. */
final class LedgerOption {
  @Option(names = "--ledger", required = true, paramLabel = "FILE", description = "The ledger.")
  private Path file;

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required
  LedgerOption() {}

  Path file() {
    return file;
  }
}
