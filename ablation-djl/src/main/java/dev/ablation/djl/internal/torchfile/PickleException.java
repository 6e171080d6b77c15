package dev.ablation.djl.internal.torchfile;

/** A pickle that is damaged, or holds what is not allowed; the message names what was found. */
final class PickleException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  PickleException(String message) {
    super(message);
  }
}
