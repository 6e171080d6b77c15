package dev.ablation.djl.internal.checkpoint;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsFile.Access;
import dev.ablation.safetensors.TensorEntry;
import dev.ablation.safetensors.TensorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The weights of one part of a model, open for reading, in one file or in shards. Arrays that were
 * read stay valid after it is closed; see {@link SafetensorsFile} for their lifetime.
 */
public final class Checkpoint implements AutoCloseable {

  private final List<SafetensorsFile> files;
  private final Map<String, SafetensorsFile> fileOf = new LinkedHashMap<>();
  private final Map<String, TensorEntry> tensors = new LinkedHashMap<>();

  private Checkpoint(List<SafetensorsFile> files) {
    this.files = List.copyOf(files);
  }

  /**
   * Finds and opens the weights of a part.
   *
   * @param folder the folder of the part
   * @param stem the beginning of the file names, such as {@link WeightFiles#DIFFUSERS_STEM}
   * @param variant the variant to take, or {@code null}; see {@link WeightFiles}
   * @return the weights, to be closed by the caller
   * @throws InvalidCheckpointException if there are none, or an index and its shards differ
   * @throws dev.ablation.safetensors.MalformedSafetensorsException if a file is not sound
   * @throws IOException if a file cannot be read
   */
  public static Checkpoint open(Path folder, String stem, @Nullable String variant)
      throws IOException {
    return open(folder, stem, variant, Access.MAP);
  }

  /**
   * Finds and opens the weights of a part.
   *
   * @param folder the folder of the part
   * @param stem the beginning of the file names
   * @param variant the variant to take, or {@code null}
   * @param access how values get into arrays
   * @return the weights, to be closed by the caller
   * @throws IOException as {@link #open(Path, String, String)}
   */
  public static Checkpoint open(Path folder, String stem, @Nullable String variant, Access access)
      throws IOException {
    WeightFiles weights = WeightFiles.find(folder, stem, variant);
    return open(weights.files(), weights.index(), weights.shardOf(), access);
  }

  /**
   * Opens a single file.
   *
   * @param file a safetensors file
   * @return the weights, to be closed by the caller
   * @throws dev.ablation.safetensors.MalformedSafetensorsException if the file is not sound
   * @throws IOException if the file cannot be read
   */
  public static Checkpoint openFile(Path file) throws IOException {
    return openFile(file, Access.MAP);
  }

  /**
   * Opens a single file.
   *
   * @param file a safetensors file
   * @param access how values get into arrays
   * @return the weights, to be closed by the caller
   * @throws IOException as {@link #openFile(Path)}
   */
  public static Checkpoint openFile(Path file, Access access) throws IOException {
    return open(List.of(file), null, Map.of(), access);
  }

  /**
   * Opens weights that were found. An index and its shards must agree exactly: a tensor that only
   * one of them knows is a sign of mixed or cut downloads.
   *
   * @param weights the files
   * @return the weights, to be closed by the caller
   * @throws InvalidCheckpointException if an index and its shards differ; names every difference
   * @throws dev.ablation.safetensors.MalformedSafetensorsException if a file is not sound
   * @throws IOException if a file cannot be read
   */
  public static Checkpoint open(WeightFiles weights) throws IOException {
    return open(weights.files(), weights.index(), weights.shardOf(), Access.MAP);
  }

  private static Checkpoint open(
      List<Path> paths, @Nullable Path index, Map<String, Path> shardOf, Access access)
      throws IOException {
    List<SafetensorsFile> files = new ArrayList<>();
    try {
      for (Path path : paths) {
        files.add(SafetensorsFile.open(path, access));
      }
      Checkpoint checkpoint = new Checkpoint(files);
      List<String> problems = checkpoint.collect();
      if (index != null) {
        checkpoint.compare(shardOf, problems);
      }
      if (!problems.isEmpty()) {
        throw new InvalidCheckpointException(index == null ? paths.get(0) : index, problems);
      }
      return checkpoint;
    } catch (IOException | RuntimeException | Error e) {
      try {
        closeAll(files);
      } catch (IOException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  /** Collects the tensors of all files and returns the duplicate names. */
  private List<String> collect() {
    List<String> problems = new ArrayList<>();
    for (SafetensorsFile file : files) {
      file.tensors()
          .forEach((name, entry) -> {
            SafetensorsFile other = fileOf.putIfAbsent(name, file);
            if (other == null) {
              tensors.put(name, entry);
            } else {
              problems.add(
                  "'"
                      + name
                      + "' is both in "
                      + name(other.path())
                      + " and in "
                      + name(file.path()));
            }
          });
    }
    return problems;
  }

  private void compare(Map<String, Path> shardOf, List<String> problems) {
    shardOf.forEach((name, shard) -> {
      SafetensorsFile file = fileOf.get(name);
      if (file == null) {
        problems.add("'" + name + "' should be in " + name(shard) + ", but is in no shard");
      } else if (!file.path().equals(shard)) {
        problems.add(
            "'" + name + "' should be in " + name(shard) + ", but is in " + name(file.path()));
      }
    });
    fileOf.forEach((name, file) -> {
      if (!shardOf.containsKey(name)) {
        problems.add("'" + name + "' of " + name(file.path()) + " is not in the index");
      }
    });
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName());
  }

  /** {@return the files, in the order of their names} */
  public List<Path> files() {
    return files.stream().map(SafetensorsFile::path).toList();
  }

  /** {@return the tensors by name, in the order of the files; unmodifiable} */
  public Map<String, TensorEntry> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  /**
   * Returns the metadata of a file.
   *
   * @param name a tensor of that file
   * @return its strings; unmodifiable
   * @throws IllegalArgumentException if there is no such tensor
   */
  public Map<String, String> metadataOf(String name) {
    return file(name).metadata();
  }

  /**
   * Reads a tensor as float32.
   *
   * @param name a tensor's name
   * @param manager owner of the result; the result is on its device
   * @return a float32 array of the tensor's shape
   * @throws IllegalArgumentException if there is no such tensor
   * @throws UnsupportedOperationException if its format cannot be widened
   * @throws IllegalStateException if the checkpoint was closed
   * @throws IOException if reading fails
   */
  public NDArray readFloat32(String name, NDManager manager) throws IOException {
    return file(name).readFloat32(name, manager);
  }

  /**
   * Reads a tensor without conversion.
   *
   * @param name a tensor's name
   * @param manager owner of the result; the result is on its device
   * @return an array of the tensor's shape and format
   * @throws IllegalArgumentException if there is no such tensor
   * @throws UnsupportedOperationException if arrays cannot hold its format
   * @throws IllegalStateException if the checkpoint was closed
   * @throws IOException if reading fails
   */
  public NDArray read(String name, NDManager manager) throws IOException {
    return file(name).read(name, manager);
  }

  /**
   * Reads a tensor's bytes, for formats that arrays cannot hold.
   *
   * @param name a tensor's name
   * @param manager owner of the result; the result is on its device
   * @return the bytes, int8 of one axis
   * @throws IllegalArgumentException if there is no such tensor
   * @throws IllegalStateException if the checkpoint was closed
   * @throws IOException if reading fails
   */
  public NDArray readBytes(String name, NDManager manager) throws IOException {
    return file(name).readBytes(name, manager);
  }

  /**
   * Returns a source that copies a tensor's bytes, for writing another file. The checkpoint must
   * stay open until then.
   *
   * @param name a tensor's name
   * @return the source
   * @throws IllegalArgumentException if there is no such tensor
   */
  public TensorSource source(String name) {
    return file(name).source(name);
  }

  private SafetensorsFile file(String name) {
    SafetensorsFile file = fileOf.get(name);
    if (file == null) {
      throw new IllegalArgumentException("name must be a tensor of " + files() + ", was " + name);
    }
    return file;
  }

  /** Closes all files. Arrays that were read stay valid. Closing twice does nothing. */
  @Override
  public void close() throws IOException {
    closeAll(files);
  }

  private static void closeAll(List<SafetensorsFile> files) throws IOException {
    IOException failure = null;
    for (SafetensorsFile file : files) {
      try {
        file.close();
      } catch (IOException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
