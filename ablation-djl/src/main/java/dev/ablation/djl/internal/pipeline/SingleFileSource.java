package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.safetensors.SafetensorsFile.Access;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** One file with the weights of all networks; the configuration is in a separate folder. */
final class SingleFileSource implements CheckpointSource {
  private final Path file;
  private final Path config;
  private final Checkpoint checkpoint;
  private final List<NetworkNames> networks = new ArrayList<>();

  SingleFileSource(Path file, Path config, Access access) throws IOException {
    this.file = file;
    this.config = config;
    checkpoint = Checkpoint.openFile(file, access);
  }

  @Override
  public Path path() {
    return file;
  }

  @Override
  public Path configFolder() {
    return config;
  }

  @Override
  public Checkpoint weights(String component, NetworkNames names) {
    networks.add(names);
    return checkpoint;
  }

  @Override
  public TensorMapping mapping(NetworkNames names, Set<String> tensors, Set<String> weights) {
    return names.inSingleFile(tensors, weights);
  }

  @Override
  public void checkLeftovers(List<String> problems) {
    for (String tensor : checkpoint.tensors().keySet()) {
      if (!NetworkNames.isIgnored(tensor)
          && networks.stream().noneMatch(network -> network.owns(tensor))) {
        problems.add("unexpected tensor " + tensor + ", which belongs to no component");
      }
    }
  }

  @Override
  public void close() throws IOException {
    checkpoint.close();
  }
}
