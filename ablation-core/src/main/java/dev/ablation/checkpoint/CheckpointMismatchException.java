package dev.ablation.checkpoint;

import dev.ablation.error.AblationException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The folder belongs to another plan, another model or another version of the library. */
public final class CheckpointMismatchException extends AblationException {
  private static final long serialVersionUID = 1L;

  private final transient Path folder;
  private final transient Map<String, String> differences;

  /**
   * Creates the exception.
   *
   * @param folder of the run
   * @param differences name of a setting to {@code "old value -> new value"}
   */
  public CheckpointMismatchException(Path folder, Map<String, String> differences) {
    super(
        "%s contains the run of another plan; different settings (old -> new):%n%s%nContinue with the old settings, or choose another folder"
            .formatted(
                folder,
                new TreeMap<>(differences)
                    .entrySet().stream()
                        .map(each -> "  " + each.getKey() + ": " + each.getValue())
                        .collect(Collectors.joining(System.lineSeparator()))));
    this.folder = folder;
    this.differences = Collections.unmodifiableMap(new TreeMap<>(differences));
  }

  /** {@return the run's folder} */
  public Path folder() {
    return folder;
  }

  /** {@return name of a setting to {@code "old value -> new value"}} */
  public Map<String, String> differences() {
    return differences;
  }
}
