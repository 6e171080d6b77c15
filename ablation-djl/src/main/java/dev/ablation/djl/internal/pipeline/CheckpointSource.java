package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.load.LoadOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Where the files of a pipeline are. */
public interface CheckpointSource extends AutoCloseable {

  /**
   * Opens a checkpoint.
   *
   * @param path a folder in diffusers' layout, or a single file
   * @param options which variant; what comes from elsewhere
   * @return the source
   * @throws NoSuchFileException if there is nothing
   * @throws InvalidCheckpointException if it is a file that holds no model of a known family
   * @throws IOException if it cannot be read
   */
  static CheckpointSource open(Path path, LoadOptions options) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "no such checkpoint folder or file");
    }
    if (!Files.isDirectory(path)) {
      return SingleFileSource.open(path, options);
    }
    checkForFolder(path, options);
    return new FolderSource(path, options);
  }

  private static void checkForFolder(Path path, LoadOptions options)
      throws InvalidCheckpointException {
    String option = options.ema() ? "ema" : "prediction";
    if (options.ema() || options.prediction().isPresent()) {
      throw new InvalidCheckpointException(
          path,
          "LoadOptions.%s must be absent, since this is a folder: it is for single files"
              .formatted(option));
    }
  }

  /** {@return the folder or file that is opened} */
  Path path();

  /** {@return what a single file was found to be, such as "Stable Diffusion XL"} */
  default Optional<String> family() {
    return Optional.empty();
  }

  /** {@return the index of the components, {@code model_index.json}} */
  Path indexFile();

  /**
   * Reads the index of the components.
   *
   * @return {@code model_index.json}
   * @throws IOException if it is missing or malformed
   */
  default JsonConfig index() throws IOException {
    return JsonConfig.read(indexFile());
  }

  /**
   * Returns where the small files of a component are.
   *
   * @param component its name
   * @return the folder; it may be missing
   */
  Path folder(String component);

  /**
   * Reads the configuration of a component.
   *
   * @param component its name
   * @return its {@code config.json}
   * @throws IOException if it is missing or malformed
   */
  default JsonConfig config(String component) throws IOException {
    return JsonConfig.read(folder(component).resolve("config.json"));
  }

  /**
   * Opens the file or files with the weights of a network.
   *
   * @param component its name
   * @param names how its tensors are named
   * @return the files, closed with the source
   * @throws IOException if they are missing or malformed
   */
  Checkpoint weights(String component, NetworkNames names) throws IOException;

  /**
   * Returns how the tensors of the files become the weights of a network.
   *
   * @param component its name
   * @param names how the network's tensors are named
   * @param tensors names in the files
   * @param weights names in the network
   * @return the mapping
   * @throws InvalidCheckpointException if the files do not have the network
   */
  TensorMapping mapping(
      String component, NetworkNames names, Set<String> tensors, Set<String> weights)
      throws InvalidCheckpointException;

  /**
   * Notes tensors that belong to no component.
   *
   * @param problems where the notes go
   */
  void checkLeftovers(List<String> problems);

  /** Closes the files. Loaded weights stay valid. */
  @Override
  void close() throws IOException;
}
