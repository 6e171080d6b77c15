package dev.ablation.job;

import dev.ablation.error.AblationException;
import java.nio.file.Path;

/** A run that was stopped before its end, by a limit of the job or by its caller. */
public final class JobStoppedException extends AblationException {
  private static final long serialVersionUID = 1L;

  private final transient Path folder;

  /**
   * Creates the exception.
   *
   * @param reason why it was stopped
   * @param folder of the run, which continues from there
   */
  public JobStoppedException(String reason, Path folder) {
    super("%s; what was done is kept in %s, to be resumed".formatted(reason, folder));
    this.folder = folder;
  }

  /** {@return the folder of the run} */
  public Path folder() {
    return folder;
  }
}
