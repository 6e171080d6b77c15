package dev.ablation.job.ledger;

import dev.ablation.error.AblationException;

/** A change that a ledger refuses; it stays as it was. */
public final class LedgerException extends AblationException {
  private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message names the ledger, the request and the rule
   */
  public LedgerException(String message) {
    super(message);
  }
}
