package dev.ablation.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A file is not a complete checkpoint. */
final class DamagedCheckpointException extends IOException {
  private static final long serialVersionUID = 1L;

  DamagedCheckpointException(Path file, String what, @Nullable Throwable cause) {
    super(file + ": " + what, cause);
  }
}
