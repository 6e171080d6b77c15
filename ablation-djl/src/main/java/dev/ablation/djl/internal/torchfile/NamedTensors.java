package dev.ablation.djl.internal.torchfile;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.safetensors.SafetensorsFile;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The tensors of a safetensors file or of one of {@code torch.save}, under their names. */
public final class NamedTensors implements AutoCloseable {
  private static final String STATE_DICT = "state_dict";

  /** Reads one tensor. */
  @FunctionalInterface
  private interface Reader {
    NDArray read(NDManager owner) throws IOException;
  }

  private record Entry(Shape shape, Reader reader) {}

  private final Path path;
  private final Closeable file;
  private final Map<String, String> metadata;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final Map<String, String> texts = new LinkedHashMap<>();

  private NamedTensors(Path path, Closeable file, Map<String, String> metadata) {
    this.path = path;
    this.file = file;
    this.metadata = metadata;
  }

  /**
   * Opens a file; its first bytes say which kind it is. The keys of dictionaries within each other
   * are joined by dots, and an outermost {@code state_dict} is left out.
   *
   * @param path the file
   * @return its tensors, closed by the caller
   * @throws IOException if it cannot be read, or holds what must not be read
   */
  public static NamedTensors open(Path path) throws IOException {
    return isTorchFile(path)
        ? torch(TorchFile.open(path))
        : safetensors(SafetensorsFile.open(path));
  }

  private static boolean isTorchFile(Path path) throws IOException {
    byte[] start;
    try (InputStream in = Files.newInputStream(path)) {
      start = in.readNBytes(Long.BYTES);
    }
    // The length of a safetensors header has zeros in its upper bytes.
    boolean zip = start.length > 3 && start[0] == 'P' && start[1] == 'K' && start[2] == 3;
    boolean pickle = start.length == Long.BYTES && start[0] == (byte) 0x80 && start[7] != 0;
    return zip || pickle;
  }

  private static NamedTensors torch(TorchFile file) throws IOException {
    try {
      NamedTensors tensors = new NamedTensors(file.path(), file::close, Map.of());
      file.tensors(".")
          .forEach((name, tensor) ->
              tensors.entries.put(
                  name.startsWith(STATE_DICT + ".")
                      ? name.substring(STATE_DICT.length() + 1)
                      : name,
                  new Entry(tensor.shape(), tensor::readFloat32)));
      if (file.get() instanceof Map<?, ?> outermost) {
        outermost.forEach((key, value) -> {
          if (key instanceof String name && value instanceof String text) {
            tensors.texts.put(name, text);
          }
        });
      }
      return tensors;
    } catch (RuntimeException e) {
      file.close();
      throw new IOException(file.path() + ": " + e.getMessage(), e);
    }
  }

  private static NamedTensors safetensors(SafetensorsFile file) {
    NamedTensors tensors = new NamedTensors(file.path(), file::close, file.metadata());
    file.tensors()
        .forEach((name, entry) ->
            tensors.entries.put(
                name, new Entry(entry.shape(), owner -> file.readFloat32(name, owner))));
    return tensors;
  }

  /** {@return the file's path} */
  public Path path() {
    return path;
  }

  /** {@return the texts of a safetensors header; of other files none} */
  public Map<String, String> metadata() {
    return metadata;
  }

  /**
   * Returns a text beside the tensors: of a safetensors header, or of the outermost dictionary.
   *
   * @param key its name
   * @return the text; null if there is none
   */
  public @Nullable String text(String key) {
    return texts.getOrDefault(key, metadata.get(key));
  }

  /** {@return the names of the tensors in the order of the file; unmodifiable} */
  public Set<String> names() {
    return Collections.unmodifiableSet(entries.keySet());
  }

  /**
   * Returns the shape of a tensor.
   *
   * @param name of a tensor
   * @return its shape
   */
  public Shape shape(String name) {
    return Objects.requireNonNull(entries.get(name), name).shape();
  }

  /**
   * Reads a tensor.
   *
   * @param name of a tensor
   * @param owner of the result
   * @return float32
   * @throws IOException if it cannot be read
   */
  public NDArray readFloat32(String name, NDManager owner) throws IOException {
    return Objects.requireNonNull(entries.get(name), name).reader().read(owner);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
