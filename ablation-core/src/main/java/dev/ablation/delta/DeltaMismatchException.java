package dev.ablation.delta;

import dev.ablation.error.AblationException;
import java.util.List;

/**
 * A delta does not match a model: it was trained on another base model, or another kind of network.
 */
public final class DeltaMismatchException extends AblationException {
  private static final long serialVersionUID = 1L;

  private final transient List<String> differences;

  /**
   * Creates the exception.
   *
   * @param model name of the model
   * @param differences every difference, one per line
   */
  public DeltaMismatchException(String model, List<String> differences) {
    super(
        "the delta does not match model '%s'; %d differences:%n  %s"
            .formatted(
                model,
                differences.size(),
                String.join(System.lineSeparator() + "  ", differences)));
    this.differences = List.copyOf(differences);
  }

  /** {@return every difference, such as a missing weight, a wrong shape or another base weight} */
  public List<String> differences() {
    return differences;
  }
}
