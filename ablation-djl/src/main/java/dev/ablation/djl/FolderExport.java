package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.checkpoint.WeightFiles;
import dev.ablation.djl.nn.Layer;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.model.CheckpointExport;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Writes a model as a checkpoint folder in diffusers' layout: the three networks with their weights
 * of this moment, float32, under the plain file names; everything else copied from the folder that
 * the model was opened from. A safety checker is copied if the folder has one.
 */
final class FolderExport implements CheckpointExport {
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  /** Parts beside the networks without which there is no model. */
  private static final Set<String> REQUIRED = Set.of("tokenizer", "scheduler");

  private final Path source;
  private final Map<String, Layer> networks;

  /**
   * Creates the capability.
   *
   * @param source the folder that the model was opened from
   * @param networks by the name of their folder
   */
  FolderExport(Path source, Map<String, Layer> networks) {
    this.source = source;
    this.networks = networks;
  }

  @Override
  public void export(Path folder) throws IOException {
    AtomicFiles.writeFolder(folder, this::write);
  }

  private void write(Path folder) throws IOException {
    JsonObject index = read(source.resolve("model_index.json"));
    for (String key : List.copyOf(index.keySet())) {
      if (!(index.get(key) instanceof JsonArray component) || component.size() != 2) {
        continue;
      }
      Layer network = networks.get(key);
      if (network != null) {
        writeNetwork(key, network, folder.resolve(key));
      } else if (REQUIRED.contains(key)
          || (!component.get(1).isJsonNull() && Files.isDirectory(source.resolve(key)))) {
        copy(source.resolve(key), folder.resolve(key));
      } else {
        JsonArray absent = new JsonArray();
        absent.add(JsonNull.INSTANCE);
        absent.add(JsonNull.INSTANCE);
        index.add(key, absent);
      }
    }
    if (!Files.isDirectory(folder.resolve("safety_checker"))) {
      index.addProperty("requires_safety_checker", false);
    }
    Files.writeString(folder.resolve("model_index.json"), GSON.toJson(index) + "\n");
  }

  private void writeNetwork(String part, Layer network, Path folder) throws IOException {
    Files.createDirectory(folder);
    boolean text = part.equals("text_encoder");
    JsonObject config = read(source.resolve(part).resolve("config.json"));
    for (String key : List.of("torch_dtype", "dtype")) {
      if (config.has(key)) {
        config.addProperty(key, "float32"); // transformers obeys it, so it must be what is stored
      }
    }
    Files.writeString(folder.resolve("config.json"), GSON.toJson(config) + "\n");
    Map<String, NDArray> weights = new LinkedHashMap<>();
    network.forEachWeight((name, weight) -> weights.put(name, weight.get()));
    String stem = text ? WeightFiles.TRANSFORMERS_STEM : WeightFiles.DIFFUSERS_STEM;
    SafetensorsWriter.write(folder.resolve(stem + ".safetensors"), weights, Map.of());
  }

  private static JsonObject read(Path file) throws IOException {
    return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectory(to);
    List<Path> files;
    try (Stream<Path> list = Files.list(from)) {
      files = list.sorted().toList();
    }
    for (Path file : files) {
      Path target = to.resolve(file.getFileName().toString());
      if (Files.isDirectory(file)) {
        copy(file, target);
      } else {
        Files.copy(file, target);
      }
    }
  }
}
