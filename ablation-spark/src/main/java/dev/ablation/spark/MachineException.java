package dev.ablation.spark;

/** A job could not begin on this machine; another one may do better. */
final class MachineException extends RuntimeException {
  private static final long serialVersionUID = 1;

  MachineException(String message, Throwable cause) {
    super(message, cause);
  }

  MachineException(String message) {
    super(message);
  }
}
