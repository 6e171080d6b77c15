package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.internal.checkpoint.TensorPiece;
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
  private final List<Checkpoint> open = new ArrayList<>();

  FolderSource(Path folder, @Nullable String variant, Access access) {
    this.access = access;
    this.folder = folder;
    this.variant = variant;
  }

  @Override
  public Path path() {
    return folder;
  }

  @Override
  public Path configFolder() {
    return folder;
  }

  @Override
  public Checkpoint weights(String component, NetworkNames names) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(folder.resolve(component), names.stem(), variant, access);
    open.add(checkpoint);
    return checkpoint;
  }

  @Override
  public TensorMapping mapping(NetworkNames names, Set<String> tensors, Set<String> weights) {
    TensorMapping mapping = names.inFolder(tensors);
    // What a network has under the file's own name is never an extra, such as
    // text_projection.weight.
    return tensor ->
        weights.contains(tensor) ? List.of(TensorPiece.whole(tensor)) : mapping.pieces(tensor);
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
  }
}
