package dev.ablation.djl.internal.pipeline;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The small files of a checkpoint, kept in memory, so that the model can be written when the folder
 * that it was opened from is gone or changed.
 */
public final class KeptFiles {
  private static final Logger LOG = LoggerFactory.getLogger(KeptFiles.class);
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  private final Path folder;
  private final Map<String, byte[]> files = new TreeMap<>();

  private KeptFiles(Path folder) {
    this.folder = folder;
  }

  /** Reads the index, the configurations of the networks and all files of the other components. */
  static KeptFiles read(CheckpointSource source, Components read) throws IOException {
    KeptFiles kept = new KeptFiles(source.path());
    kept.add("model_index.json", source.indexFile());
    List<String> networks = read.networks().stream().map(network -> network.name()).toList();
    for (Component<?> component : read.present()) {
      if (networks.contains(component.name())) {
        kept.add(
            component.name() + "/config.json",
            source.folder(component.name()).resolve("config.json"));
      } else {
        kept.addAll(component.name(), source.folder(component.name()));
      }
    }
    return kept;
  }

  private void add(String name, Path file) throws IOException {
    files.put(name, Files.readAllBytes(file));
  }

  private void addAll(String component, Path root) throws IOException {
    if (!Files.isDirectory(root)) {
      throw new NoSuchFileException(root.toString(), null, "a checkpoint must have this folder");
    }
    List<Path> found;
    try (Stream<Path> walk = Files.walk(root)) {
      found = walk.filter(Files::isRegularFile).toList();
    }
    for (Path file : found) {
      if (!isInside(root, file) && !isInside(folder, file)) {
        LOG.warn("{} links out of the model's folder: exports leave it out", file);
        continue;
      }
      add(
          component + "/" + root.relativize(file).toString().replace(File.separatorChar, '/'),
          file);
    }
  }

  /**
   * Tells whether a file lies in a folder, wherever links lead. A link in the cache of a hub, whose
   * snapshots consist of links to blobs beside them, counts as inside.
   *
   * @param folder of a model
   * @param file in it
   * @return false if a link leads to a file elsewhere
   * @throws IOException if a link leads nowhere
   */
  public static boolean isInside(Path folder, Path file) throws IOException {
    Path real = file.toRealPath();
    Path root = folder.toRealPath();
    Path snapshots = root.getParent();
    boolean isSnapshot =
        snapshots != null && snapshots.endsWith("snapshots") && snapshots.getParent() != null;
    return real.startsWith(root)
        || (isSnapshot
            && real.startsWith(Objects.requireNonNull(snapshots).resolveSibling("blobs")));
  }

  /** {@return the folder or single file that they belong to; it may no longer exist} */
  public Path folder() {
    return folder;
  }

  /** {@return the name of the model: that of the folder, or of the file without its ending} */
  public String modelName() {
    String name = String.valueOf(folder.toAbsolutePath().normalize().getFileName());
    return name.endsWith(".safetensors")
        ? name.substring(0, name.length() - ".safetensors".length())
        : name;
  }

  /**
   * Returns a file as JSON.
   *
   * @param file such as {@code "unet/config.json"}
   * @return its object; a new one at each call
   */
  public JsonObject json(String file) {
    byte[] bytes = Objects.requireNonNull(files.get(file), file);
    return JsonParser.parseString(new String(bytes, StandardCharsets.UTF_8)).getAsJsonObject();
  }

  /**
   * Changes a JSON file, if it is there.
   *
   * @param file such as {@code "text_encoder/config.json"}
   * @param change of its object
   */
  public void edit(String file, Consumer<JsonObject> change) {
    if (files.containsKey(file)) {
      editOrCreate(file, change);
    }
  }

  /**
   * Changes a JSON file, or an empty one if there is none.
   *
   * @param file such as {@code "tokenizer/added_tokens.json"}
   * @param change of its object
   */
  public void editOrCreate(String file, Consumer<JsonObject> change) {
    JsonObject json = files.containsKey(file) ? json(file) : new JsonObject();
    change.accept(json);
    files.put(file, (GSON.toJson(json) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Writes all files of a component.
   *
   * @param component its name
   * @param target the folder of the checkpoint that is written
   * @return whether there were any
   * @throws IOException if writing fails
   */
  public boolean write(String component, Path target) throws IOException {
    boolean any = false;
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      if (file.getKey().startsWith(component + "/")) {
        Path path = target.resolve(file.getKey());
        Files.createDirectories(Objects.requireNonNull(path.getParent()));
        Files.write(path, file.getValue());
        any = true;
      }
    }
    return any;
  }
}
