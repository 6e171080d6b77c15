package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.WeightFiles;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A copy of the smallest golden pipeline, to be changed. */
final class PipelineCopy {
  static final List<String> NETWORKS = List.of("unet", "vae", "text_encoder");

  private final Path root;

  private PipelineCopy(Path root) {
    this.root = root;
  }

  /** Copies the golden pipeline into a folder that does not exist yet. */
  static PipelineCopy into(Path root) throws IOException {
    copy(golden(), root);
    return new PipelineCopy(root);
  }

  /** The smallest pipeline of the golden data that is a StableDiffusionPipeline. */
  static Path golden() throws IOException {
    Path pipelines = Path.of(System.getProperty("ablation.golden")).resolve("pipelines");
    try (Stream<Path> folders = Files.list(pipelines)) {
      return folders
          .filter(PipelineCopy::isStableDiffusion)
          .min(Comparator.comparingLong(PipelineCopy::weightBytes).thenComparing(Path::toString))
          .orElseThrow(() -> new AssertionError("no StableDiffusionPipeline in " + pipelines));
    }
  }

  private static boolean isStableDiffusion(Path folder) {
    try {
      return Files.readString(folder.resolve("model_index.json"))
          .contains("\"StableDiffusionPipeline\"");
    } catch (IOException e) {
      return false;
    }
  }

  private static long weightBytes(Path folder) {
    return folder.resolve("unet/diffusion_pytorch_model.safetensors").toFile().length();
  }

  static void copy(Path from, Path to) throws IOException {
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes)
              throws IOException {
            Files.createDirectories(to.resolve(from.relativize(folder).toString()));
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.write(to.resolve(from.relativize(file).toString()), Files.readAllBytes(file));
            return FileVisitResult.CONTINUE;
          }
        });
  }

  Path root() {
    return root;
  }

  Path path(String file) {
    return root.resolve(file);
  }

  Path weightFile(String part) {
    return path(part).resolve(stem(part) + ".safetensors");
  }

  static String stem(String part) {
    return part.equals("text_encoder") ? WeightFiles.TRANSFORMERS_STEM : WeightFiles.DIFFUSERS_STEM;
  }

  JsonObject json(String file) throws IOException {
    return JsonParser.parseString(Files.readString(path(file))).getAsJsonObject();
  }

  void edit(String file, Consumer<JsonObject> change) throws IOException {
    JsonObject json = json(file);
    change.accept(json);
    Files.writeString(path(file), json.toString());
  }

  /** Sets a key of a JSON file to a value written as JSON. */
  void set(String file, String key, String value) throws IOException {
    edit(file, json -> json.add(key, JsonParser.parseString(value)));
  }

  void remove(String file, String key) throws IOException {
    edit(file, json -> json.remove(key));
  }

  void delete(String path) throws IOException {
    try (Stream<Path> paths = Files.walk(path(path))) {
      for (Path file : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** A change of the tensors of a file. */
  @FunctionalInterface
  interface WeightChange {
    void apply(Map<String, NDArray> tensors, NDManager manager);
  }

  /** Rewrites the weights of a part, with its own name. */
  void weights(String part, WeightChange change) throws IOException {
    try (NDManager manager = NDManager.newBaseManager()) {
      Map<String, NDArray> tensors = read(part, manager);
      change.apply(tensors, manager);
      SafetensorsWriter.write(weightFile(part), tensors, Map.of());
    }
  }

  /** Reads the weights of a part, in the order of their names. */
  Map<String, NDArray> read(String part, NDManager manager) throws IOException {
    Map<String, NDArray> tensors = new TreeMap<>();
    try (Checkpoint checkpoint = Checkpoint.openFile(weightFile(part))) {
      for (String name : checkpoint.tensors().keySet()) {
        tensors.put(name, checkpoint.read(name, manager).duplicate());
      }
    }
    return tensors;
  }

  /** Rewrites the weights of a part in another format of floats. */
  void store(String part, WriteOptions options) throws IOException {
    Path changed = path(part).resolve("changed");
    try (Checkpoint checkpoint = Checkpoint.openFile(weightFile(part))) {
      Map<String, TensorSource> sources = new LinkedHashMap<>();
      checkpoint.tensors().keySet().forEach(name -> sources.put(name, checkpoint.source(name)));
      SafetensorsWriter.writeSources(changed, sources, Map.of(), options);
    }
    Files.delete(weightFile(part));
    Files.move(changed, weightFile(part));
  }

  /** Splits the weights of a part into shards with an index. */
  void shard(String part, int count) throws IOException {
    JsonObject map = new JsonObject();
    try (Checkpoint checkpoint = Checkpoint.openFile(weightFile(part))) {
      List<String> names = checkpoint.tensors().keySet().stream().sorted().toList();
      for (int i = 0; i < count; i++) {
        String file = "%s-%05d-of-%05d.safetensors".formatted(stem(part), i + 1, count);
        Map<String, TensorSource> sources = new LinkedHashMap<>();
        for (String name :
            names.subList(names.size() * i / count, names.size() * (i + 1) / count)) {
          sources.put(name, checkpoint.source(name));
          map.addProperty(name, file);
        }
        SafetensorsWriter.writeSources(
            path(part).resolve(file), sources, Map.of(), WriteOptions.defaults());
      }
    }
    JsonObject index = new JsonObject();
    index.add("metadata", new JsonObject());
    index.add("weight_map", map);
    Files.writeString(path(part).resolve(stem(part) + ".safetensors.index.json"), index.toString());
    Files.delete(weightFile(part));
  }

  /**
   * Rewrites the header of a part's weights and puts bytes, which take no room on the disk, before
   * the values.
   */
  void rawHeader(String part, long gap, Consumer<JsonObject> change) throws IOException {
    byte[] bytes = Files.readAllBytes(weightFile(part));
    int length = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    JsonObject header =
        JsonParser.parseString(new String(bytes, 8, length, StandardCharsets.UTF_8))
            .getAsJsonObject();
    for (Map.Entry<String, JsonElement> entry : header.entrySet()) {
      if (!entry.getKey().equals("__metadata__")) {
        JsonArray offsets = entry.getValue().getAsJsonObject().getAsJsonArray("data_offsets");
        offsets.set(0, new JsonPrimitive(offsets.get(0).getAsLong() + gap));
        offsets.set(1, new JsonPrimitive(offsets.get(1).getAsLong() + gap));
      }
    }
    change.accept(header);
    byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer start =
        ByteBuffer.allocate(8 + (text.length + 7) / 8 * 8).order(ByteOrder.LITTLE_ENDIAN);
    start.putLong(start.capacity() - 8L).put(text);
    while (start.hasRemaining()) {
      start.put((byte) ' ');
    }
    Files.delete(weightFile(part));
    try (FileChannel channel =
        FileChannel.open(
            weightFile(part),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE,
            StandardOpenOption.SPARSE)) {
      channel.write(start.flip());
      ByteBuffer values = ByteBuffer.wrap(bytes, 8 + length, bytes.length - 8 - length);
      channel.write(values, start.capacity() + gap);
    }
  }
}
