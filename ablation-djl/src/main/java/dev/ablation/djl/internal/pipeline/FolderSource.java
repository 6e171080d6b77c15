package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.safetensors.SafetensorsFile.Access;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A folder in diffusers' layout: a folder for each component. */
final class FolderSource implements CheckpointSource {
  private final Path folder;
  private final @Nullable String variant;
  private final Access access;
  private final Replacements replacements;
  private final List<Checkpoint> open = new ArrayList<>();

  FolderSource(Path folder, LoadOptions options) throws IOException {
    access = options.access();
    this.folder = folder;
    variant = options.variant().orElse(null);
    replacements = new Replacements(options);
  }

  @Override
  public Path path() {
    return folder;
  }

  @Override
  public Path indexFile() {
    return folder.resolve("model_index.json");
  }

  @Override
  public Path folder(String component) {
    Path other = replacements.folder(component);
    return other == null ? folder.resolve(component) : other;
  }

  @Override
  public Checkpoint weights(String component, NetworkNames names) throws IOException {
    if (replacements.has(component)) {
      return replacements.weights(component, names);
    }
    Checkpoint checkpoint =
        Checkpoint.open(folder.resolve(component), names.stem(), variant, access);
    open.add(checkpoint);
    return checkpoint;
  }

  @Override
  public TensorMapping mapping(
      String component, NetworkNames names, Set<String> tensors, Set<String> weights)
      throws InvalidCheckpointException {
    return replacements.has(component)
        ? replacements.mapping(component, names, tensors, weights)
        : names.inFolder(tensors, weights);
  }

  @Override
  public void checkLeftovers(List<String> problems) {
    // Every network reports what is unexpected in its own files.
  }

  @Override
  public void close() throws IOException {
    for (Checkpoint checkpoint : open) {
      checkpoint.close();
    }
    replacements.close();
  }
}
