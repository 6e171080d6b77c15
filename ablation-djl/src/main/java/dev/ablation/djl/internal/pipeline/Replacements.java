package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.internal.singlefile.FileContent;
import dev.ablation.djl.internal.singlefile.FilePart;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The components that do not come from the checkpoint itself. */
final class Replacements implements AutoCloseable {
  private final Map<String, Path> paths;
  private final @Nullable String variant;
  private final SafetensorsFile.Access access;
  private final Map<String, Checkpoint> open = new LinkedHashMap<>();

  /**
   * Checks that they exist.
   *
   * @throws NoSuchFileException naming the component and the path, if one does not
   */
  Replacements(LoadOptions options) throws NoSuchFileException {
    paths = options.components();
    variant = options.variant().orElse(null);
    access = options.access();
    for (Map.Entry<String, Path> component : paths.entrySet()) {
      if (!Files.exists(component.getValue())) {
        throw new NoSuchFileException(
            component.getValue().toString(),
            null,
            "no such folder or file of the component " + component.getKey());
      }
    }
  }

  boolean has(String component) {
    return paths.containsKey(component);
  }

  /** Returns the folder of a component that comes from one, or {@code null}. */
  @Nullable Path folder(String component) {
    Path path = paths.get(component);
    return path != null && Files.isDirectory(path) ? path : null;
  }

  /** Returns the file of a component that comes from one, or {@code null}. */
  @Nullable Path file(String component) {
    Path path = paths.get(component);
    return path == null || Files.isDirectory(path) ? null : path;
  }

  /** Opens the weights of a replaced component, once. */
  Checkpoint weights(String component, NetworkNames names) throws IOException {
    Checkpoint checkpoint = open.get(component);
    if (checkpoint == null) {
      Path path = Objects.requireNonNull(paths.get(component), component);
      checkpoint =
          Files.isDirectory(path)
              ? Checkpoint.open(path, names.stem(), variant, access)
              : FileContent.open(path, access);
      open.put(component, checkpoint);
    }
    return checkpoint;
  }

  TensorMapping mapping(
      String component, NetworkNames names, Set<String> tensors, Set<String> weights)
      throws InvalidCheckpointException {
    if (file(component) == null) {
      return names.inFolder(tensors, weights);
    }
    return part(component, names, tensors).mapping(names, tensors, weights, FileContent::isIgnored);
  }

  /** Where the file of a component has its tensors. */
  FilePart part(String component, NetworkNames names, Set<String> tensors)
      throws InvalidCheckpointException {
    Path file = Objects.requireNonNull(file(component), component);
    return FilePart.find(component, names, tensors)
        .orElseThrow(() ->
            new InvalidCheckpointException(
                file,
                "must hold the component %s, has tensors such as %s"
                    .formatted(component, tensors.stream().sorted().limit(3).toList())));
  }

  @Override
  public void close() throws IOException {
    for (Checkpoint checkpoint : open.values()) {
      checkpoint.close();
    }
  }
}
