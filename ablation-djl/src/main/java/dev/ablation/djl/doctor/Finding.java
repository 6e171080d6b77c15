package dev.ablation.djl.doctor;

import java.util.Objects;

/**
 * Something that keeps native libraries from working, or from working well.
 *
 * @param severity how bad it is
 * @param problem what is wrong, with the value
 * @param remedy what mends it: a property to set, an artifact to add, a package to install
 */
public record Finding(Severity severity, String problem, String remedy) {
  /** How bad it is. */
  public enum Severity {
    /** Nothing can be computed. */
    PROBLEM,
    /** It works, but slower or otherwise than one may expect. */
    WARNING
  }

  /** Checks for null. */
  public Finding {
    Objects.requireNonNull(severity, "severity");
    Objects.requireNonNull(problem, "problem");
    Objects.requireNonNull(remedy, "remedy");
  }

  static Finding problem(String problem, String remedy) {
    return new Finding(Severity.PROBLEM, problem, remedy);
  }

  static Finding warning(String problem, String remedy) {
    return new Finding(Severity.WARNING, problem, remedy);
  }
}
