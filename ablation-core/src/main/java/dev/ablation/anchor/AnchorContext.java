package dev.ablation.anchor;

import java.nio.file.Path;
import java.util.Optional;

/** What a strategy may know of the run that asks for its images. */
public interface AnchorContext {

  /** {@return the run's seed} */
  long seed();

  /**
   * Tells the run's listeners.
   *
   * @param done how much of the work is done
   * @param total how much there is
   * @param fromCache whether the images come from a cache
   */
  void progress(long done, long total, boolean fromCache);

  /**
   * Tells the run's listeners of something that the user may want to change.
   *
   * @param message what and why
   */
  default void warn(String message) {}

  /**
   * Adds something that was found out to the run's provenance, such as how often anchor images show
   * the target.
   *
   * @param name begins with {@code "anchor."}
   * @param value what was found
   */
  default void note(String name, String value) {}

  /** {@return whether the run was cancelled; to be asked often} */
  boolean cancelled();

  /**
   * Returns where images may be kept as they are drawn, so that an interrupted run goes on where it
   * stopped. The same run finds the same folder again; others may share it.
   *
   * @return a folder, which may not exist yet; empty if the run keeps nothing
   */
  default Optional<Path> folder() {
    return Optional.empty();
  }
}
