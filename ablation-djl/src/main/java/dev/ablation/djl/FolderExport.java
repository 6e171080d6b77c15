package dev.ablation.djl;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.ablation.djl.internal.pipeline.KeptFiles;
import dev.ablation.djl.internal.pipeline.Network;
import dev.ablation.djl.nn.WeightSource;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.model.CheckpointExport;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes a model as a checkpoint folder in diffusers' layout: the networks with their weights of
 * this moment, float32, under the plain file names; tokenizer, scheduler and configurations as they
 * were when the model was opened. Further components, such as a safety checker, are copied from the
 * folder that the model was opened from if they exist, and are otherwise omitted from the index.
 */
final class FolderExport implements CheckpointExport {
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  private static final Logger LOG = LoggerFactory.getLogger(FolderExport.class);

  private final KeptFiles kept;
  private final Map<String, Network<?, ?>> networks = new LinkedHashMap<>();

  /**
   * Creates the capability.
   *
   * @param kept the small files of the checkpoint
   * @param networks of the model
   */
  FolderExport(KeptFiles kept, List<Network<?, ?>> networks) {
    this.kept = kept;
    networks.forEach(network -> this.networks.put(network.name(), network));
  }

  /** {@return the capability of writing a single file} */
  FileExport singleFile() {
    return new FileExport(kept, networks.values());
  }

  @Override
  public void export(Path folder) throws IOException {
    AtomicFiles.writeFolder(folder, this::write);
  }

  private void write(Path folder) throws IOException {
    JsonObject index = kept.json("model_index.json");
    for (String key : List.copyOf(index.keySet())) {
      if (!(index.get(key) instanceof JsonArray component) || component.size() != 2) {
        continue;
      }
      Network<?, ?> network = networks.get(key);
      if (network != null) {
        writeNetwork(network, folder.resolve(key));
      } else if (!kept.write(key, folder) && !copy(component, key, folder)) {
        JsonArray absent = new JsonArray();
        absent.add(JsonNull.INSTANCE);
        absent.add(JsonNull.INSTANCE);
        index.add(key, absent);
      }
    }
    boolean optional = index.has("safety_checker") || index.has("requires_safety_checker");
    if (optional && !Files.isDirectory(folder.resolve("safety_checker"))) {
      index.addProperty("requires_safety_checker", false);
    }
    Files.writeString(folder.resolve("model_index.json"), GSON.toJson(index) + "\n");
  }

  private void writeNetwork(Network<?, ?> network, Path folder) throws IOException {
    Files.createDirectory(folder);
    JsonObject config = kept.json(network.name() + "/config.json");
    for (String key : List.of("torch_dtype", "dtype")) {
      if (config.has(key)) {
        config.addProperty(key, "float32"); // transformers obeys it, so it must be what is stored
      }
    }
    Files.writeString(folder.resolve("config.json"), GSON.toJson(config) + "\n");
    SafetensorsWriter.writeSources(
        folder.resolve(network.stem() + ".safetensors"),
        WeightSource.of(network.layer()),
        Map.of(),
        WriteOptions.defaults());
  }

  /** Copies a component that is still in the folder that the model was opened from. */
  private boolean copy(JsonArray component, String key, Path folder) throws IOException {
    Path source = kept.folder().resolve(key);
    if (component.get(1).isJsonNull() || !Files.isDirectory(source)) {
      return false;
    }
    if (!KeptFiles.isInside(kept.folder(), source)) {
      LOG.warn("{} links out of the model's folder: the export leaves it out", source);
      return false;
    }
    copy(source, folder.resolve(key));
    return true;
  }

  private void copy(Path from, Path to) throws IOException {
    Files.createDirectory(to);
    List<Path> files;
    try (Stream<Path> list = Files.list(from)) {
      files = list.sorted().toList();
    }
    for (Path file : files) {
      Path target = to.resolve(file.getFileName().toString());
      if (!KeptFiles.isInside(kept.folder(), file)) {
        LOG.warn("{} links out of the model's folder: the export leaves it out", file);
        continue;
      }
      if (Files.isDirectory(file)) {
        copy(file, target);
      } else {
        Files.copy(file, target);
      }
    }
  }
}
