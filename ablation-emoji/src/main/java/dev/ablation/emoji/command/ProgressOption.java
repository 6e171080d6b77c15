package dev.ablation.emoji.command;

import picocli.CommandLine.Option;

/** The option {@code --quiet} of every command. */
public final class ProgressOption {
  @Option(names = "--quiet", description = "Shows no progress bars.")
  private boolean quiet;

  /** Only picocli fills it in. */
  public ProgressOption() {}

  /** {@return bars on standard error, closed by the caller; they show warnings alone if quiet} */
  public ProgressBars bars() {
    return ProgressBars.onStandardError(!quiet);
  }
}
