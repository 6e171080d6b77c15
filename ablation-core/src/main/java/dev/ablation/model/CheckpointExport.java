package dev.ablation.model;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Capability: writes the model, with the weights that are bound now, as a complete checkpoint.
 *
 * {@snippet class="dev.ablation.testing.TinyExport" region="export"}
 */
public interface CheckpointExport {

  /**
   * Writes the checkpoint. The folder is written atomically.
   *
   * @param folder must not exist; its parent must
   * @throws java.nio.file.FileAlreadyExistsException if the folder exists
   * @throws IOException if it cannot be written
   */
  void export(Path folder) throws IOException;
}
