package dev.ablation.cli;

/** The exit codes of every command; {@code docs/job-files.md} explains them. */
final class ExitCode {
  static final int OK = 0;

  /** Something failed on the way, such as a file that cannot be read. */
  static final int FAILED = 1;

  /** The command line or the job file is wrong; nothing was done. */
  static final int WRONG_USAGE = 2;

  /** The run is done, but its result does not meet the job's acceptance limits. */
  static final int NOT_ACCEPTED = 3;

  /** What was to be verified is not what it says it is. */
  static final int NOT_VERIFIED = 4;

  /** The run was stopped by a limit and can be resumed. */
  static final int STOPPED = 5;

  private ExitCode() {}
}
