package dev.ablation.djl.hub;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A model of the Hub that cannot be fetched. The message says what to do; it never contains a token
 * or a signed address.
 */
public final class HubException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Why. */
  public enum Reason {
    /** There is no such repository, or it is private and the token does not open it. */
    NO_REPOSITORY,
    /** The repository has no such branch, tag or commit. */
    NO_REVISION,
    /** The revision has no such file, or lacks one that its pipeline needs. */
    NO_FILE,
    /** The publisher grants access to accounts that accept conditions. */
    GATED,
    /** Weights are published only as Python pickles, which can run any program. */
    ONLY_PICKLES,
    /** The requested variant is not published, or several are and none was chosen. */
    NO_VARIANT,
    /** Offline, and the cache does not hold all files. */
    NOT_CACHED,
    /** The server does not answer, breaks off again and again, or reports an error. */
    UNREACHABLE,
    /** What was fetched does not have the published hash or size. */
    WRONG_CONTENT,
    /** The server does not answer as a Hub does. */
    INVALID_ANSWER,
    /** The cache cannot be written, or its disk is full. */
    CACHE
  }

  /** Why. */
  private final Reason reason;

  /** The repository. */
  private final String repository;

  /**
   * Creates the exception.
   *
   * @param reason why
   * @param repository the repository
   * @param problem what is wrong with it, and what to do
   * @param cause the cause, or {@code null}
   */
  HubException(Reason reason, String repository, String problem, @Nullable Throwable cause) {
    super(repository + ": " + problem, cause);
    this.reason = reason;
    this.repository = repository;
  }

  /** {@return why} */
  public Reason reason() {
    return reason;
  }

  /** {@return the repository, {@code "owner/name"}} */
  public String repository() {
    return repository;
  }
}
