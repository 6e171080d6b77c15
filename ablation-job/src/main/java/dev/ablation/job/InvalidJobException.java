package dev.ablation.job;

import dev.ablation.error.AblationException;
import java.util.List;

/** A job file or a job that cannot be carried out, with all its problems. */
public final class InvalidJobException extends AblationException {
  private static final long serialVersionUID = 1L;

  private final transient List<String> problems;

  /**
   * Creates the exception.
   *
   * @param what the file or the job
   * @param problems each names the key, the rule and the value; at least one
   */
  public InvalidJobException(String what, List<String> problems) {
    super(message(what, problems));
    this.problems = List.copyOf(problems);
  }

  private static String message(String what, List<String> problems) {
    return problems.size() == 1
        ? what + ": " + problems.get(0)
        : "%s: %d problems:\n  %s".formatted(what, problems.size(), String.join("\n  ", problems));
  }

  /** {@return the problems, at least one} */
  public List<String> problems() {
    return problems;
  }
}
