package dev.ablation.anchor;

import java.nio.file.Path;
import java.util.Optional;

/** The run, as seen by the strategy that prepares its images. */
public interface AnchorContext {

  /** {@return the run's seed} */
  long seed();

  /**
   * Reports progress to the run's listeners.
   *
   * @param done work done so far
   * @param total total work, in the same units
   * @param fromCache whether the images come from a cache
   */
  void progress(long done, long total, boolean fromCache);

  /**
   * Warns the run's listeners of a problem that does not stop the run.
   *
   * @param message the problem and its cause
   */
  default void warn(String message) {}

  /**
   * Adds a finding to the run's provenance, such as how often anchor images show the target.
   *
   * @param name the key; begins with {@code "anchor."}
   * @param value the finding
   */
  default void note(String name, String value) {}

  /** {@return whether the run was cancelled; check it often} */
  boolean cancelled();

  /**
   * Returns a folder to cache images in, so that an interrupted run can continue where it stopped.
   * The same run gets the same folder again; other runs may share it.
   *
   * @return the folder, which may not exist yet; empty if the run caches nothing
   */
  default Optional<Path> folder() {
    return Optional.empty();
  }
}
