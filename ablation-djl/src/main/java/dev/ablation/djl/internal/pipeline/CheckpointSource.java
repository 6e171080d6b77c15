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
import java.util.Set;

/** Where the files of a pipeline are. */
public interface CheckpointSource extends AutoCloseable {

  /**
   * Opens a checkpoint.
   *
   * @param path a folder in diffusers' layout, or a single file
   * @param options which variant; for a single file where the configuration is
   * @return the source
   * @throws NoSuchFileException if there is nothing
   * @throws InvalidCheckpointException if it is a file and no configuration is named
   * @throws IOException if it cannot be read
   */
  static CheckpointSource open(Path path, LoadOptions options) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "no such checkpoint folder");
    }
    if (Files.isDirectory(path)) {
      return new FolderSource(path, options.variant().orElse(null), options.access());
    }
    Path config = options.config().orElse(null);
    if (config == null) {
      throw new InvalidCheckpointException(
          path,
          "must be a folder with model_index.json, as diffusers saves models; was a file, for which"
              + " LoadOptions.config must name a folder with the configuration");
    }
    return new SingleFileSource(path, config, options.access());
  }

  /** {@return the folder or file that is opened} */
  Path path();

  /** {@return the folder with {@code model_index.json} and the small files of each component} */
  Path configFolder();

  /**
   * Reads the configuration of a component.
   *
   * @param component its name
   * @return its {@code config.json}
   * @throws IOException if it is missing or malformed
   */
  default JsonConfig config(String component) throws IOException {
    return JsonConfig.read(configFolder().resolve(component).resolve("config.json"));
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
   * @param names how the network's tensors are named
   * @param tensors names in the files
   * @param weights names in the network
   * @return the mapping
   */
  TensorMapping mapping(NetworkNames names, Set<String> tensors, Set<String> weights);

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
