package dev.ablation.djl;

import com.google.gson.JsonObject;
import dev.ablation.djl.internal.pipeline.KeptFiles;
import dev.ablation.djl.internal.pipeline.Network;
import dev.ablation.djl.internal.singlefile.FileLayout;
import dev.ablation.model.SingleFileExport;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes a model as a single file with the names of the original code: Stable Diffusion with all of
 * its networks, FLUX.1 as it is published, the transformer alone.
 */
final class FileExport implements SingleFileExport {
  private final KeptFiles kept;
  private final Collection<Network<?, ?>> networks;

  /**
   * Creates the capability.
   *
   * @param kept the small files of the checkpoint
   * @param networks of the model
   */
  FileExport(KeptFiles kept, Collection<Network<?, ?>> networks) {
    this.kept = kept;
    this.networks = networks;
  }

  @Override
  public void export(Path file, WriteOptions options, Map<String, String> metadata)
      throws IOException {
    FileLayout layout = FileLayout.of(kept::json);
    Map<String, TensorSource> tensors = new TreeMap<>();
    Map<String, JsonObject> configurations = new TreeMap<>();
    for (String small : new String[] {"model_index.json", "scheduler/scheduler_config.json"}) {
      configurations.put(small, kept.json(small));
    }
    for (Network<?, ?> network : networks) {
      if (layout.part(network.name()).isEmpty()) {
        checkUnchanged(layout, network);
        continue;
      }
      tensors.putAll(layout.tensors(network.name(), network.layer()));
      String config = network.name() + "/config.json";
      configurations.put(config, kept.json(config));
    }
    Map<String, String> header = layout.metadata(kept.modelName(), configurations);
    header.putAll(metadata);
    SafetensorsWriter.writeSources(file, tensors, header, options);
  }

  /** A change of what is left out would be lost. */
  private static void checkUnchanged(FileLayout layout, Network<?, ?> network) {
    network
        .layer()
        .forEachWeight((name, weight) -> {
          if (weight.bound() != null) {
            throw new IllegalStateException(
                "a single file of %s holds the transformer alone, and %s.%s is changed: export a folder"
                    .formatted(layout.family().title(), network.name(), name));
          }
        });
  }
}
