package dev.ablation.anchor;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * A context that asks and tells another one: for strategies that prepare their images by others and
 * change what these are told, such as the seed or how the progress of parts adds up.
 */
public abstract class ForwardingAnchorContext implements AnchorContext {
  private final AnchorContext run;

  /**
   * Creates a context.
   *
   * @param run is asked and told everything that a subclass does not override
   */
  protected ForwardingAnchorContext(AnchorContext run) {
    this.run = Objects.requireNonNull(run, "run");
  }

  @Override
  public long seed() {
    return run.seed();
  }

  @Override
  public void progress(long done, long total, boolean fromCache) {
    run.progress(done, total, fromCache);
  }

  @Override
  public void warn(String message) {
    run.warn(message);
  }

  @Override
  public void note(String name, String value) {
    run.note(name, value);
  }

  @Override
  public boolean cancelled() {
    return run.cancelled();
  }

  @Override
  public Optional<Path> folder() {
    return run.folder();
  }
}
