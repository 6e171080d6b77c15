package dev.ablation.model;

import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * Capability: writes the model, with the weights that are bound now, as a single {@code
 * .safetensors} file such as other programs open, without configurations and tokenizers.
 */
public interface SingleFileExport {

  /**
   * Writes the file, atomically.
   *
   * @param file its folder must exist
   * @param options format of the numbers (float32 unless said otherwise), and whether a file that
   *     exists is replaced
   * @param metadata further entries of the header, which replace those of the same key
   * @throws java.nio.file.FileAlreadyExistsException if the file exists and is not to be replaced
   * @throws IllegalStateException if weights that such a file does not hold are changed
   * @throws IOException if it cannot be written
   */
  void export(Path file, WriteOptions options, Map<String, String> metadata) throws IOException;
}
