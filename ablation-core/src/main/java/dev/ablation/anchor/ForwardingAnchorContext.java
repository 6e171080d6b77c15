package dev.ablation.anchor;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * A context that forwards to another one, for strategies that delegate the preparation of images
 * and change part of the context, such as the seed or how the progress of several parts adds up.
 */
public abstract class ForwardingAnchorContext implements AnchorContext {
  private final AnchorContext run;

  /**
   * Creates a context.
   *
   * @param run the context that receives every call that a subclass does not override
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
