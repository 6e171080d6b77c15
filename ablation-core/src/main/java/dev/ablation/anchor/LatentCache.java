package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.ablation.internal.CacheKey;
import dev.ablation.internal.Uninterrupted;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Fingerprint;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.MalformedSafetensorsException;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Latents on disk, under a key of everything that determines them: the model's weights, noise
 * schedule, latent shape and kind of device, every prompt, the sampler's settings, the batch size
 * (rounding depends on it) and the seed.
 *
 * <p>Each key is a folder, and each batch a file in it, which is written atomically as soon as the
 * batch is generated. Nothing else in the folder ever changes, so several processes can share it:
 * if two generate the same batch, the later one replaces the file by an identical one.
 */
final class LatentCache {
  private static final String LATENTS = "latents";
  private static final String KEY = "ablation.cache.key";
  private static final String SHA256 = "ablation.cache.sha256";

  /** No process takes this long to write a file, so an older unfinished file was abandoned. */
  private static final Duration GIVEN_UP = Duration.ofHours(1);

  private final Path folder;
  private final String key;

  private LatentCache(Path folder, String key) {
    this.folder = folder;
    this.key = key;
  }

  static LatentCache of(
      Path folder,
      DiffusionModel model,
      List<String> prompts,
      Map<String, String> settings,
      int batchSize,
      long seed)
      throws IOException {
    CacheKey hashed =
        new CacheKey("anchor-latents/2")
            .put(Fingerprint.of(model))
            .put(Long.toString(seed))
            .put(Integer.toString(batchSize));
    new TreeMap<>(settings).forEach((name, value) -> hashed.put(name + "=" + value));
    String key = hashed.put(prompts).sha256();
    LatentCache cache = new LatentCache(folder.resolve("anchors-" + key.substring(0, 16)), key);
    cache.removeGivenUp();
    return cache;
  }

  private void removeGivenUp() throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".tmp")).toList()) {
        if (isGivenUp(file)) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  private static boolean isGivenUp(Path unfinished) throws IOException {
    try {
      Instant written = Files.getLastModifiedTime(unfinished).toInstant();
      return written.plus(GIVEN_UP).isBefore(Instant.now());
    } catch (NoSuchFileException e) {
      return false; // the process that writes it has finished meanwhile
    }
  }

  private Path file(int first, int count) {
    return folder.resolve("pictures-%06d-%06d.safetensors".formatted(first, first + count - 1));
  }

  /** {@return whether there is a file for these images; it may be damaged} */
  boolean holds(int first, int count) {
    return Files.exists(file(first, count));
  }

  /**
   * Reads a batch of latents.
   *
   * @param owner owner of the result
   * @param warnings receives a message about a damaged file
   * @return the latents; empty if there is no intact file
   */
  Optional<NDArray> read(int first, Shape expected, NDManager owner, Consumer<String> warnings)
      throws IOException {
    Path path = file(first, Math.toIntExact(expected.get(0)));
    if (!Files.exists(path)) {
      return Optional.empty();
    }
    return Uninterrupted.during(() -> {
      try (SafetensorsFile file = SafetensorsFile.open(path, SafetensorsFile.Access.COPY)) {
        TensorEntry entry = file.tensors().get(LATENTS);
        if (key.equals(file.metadata().get(KEY))
            && entry != null
            && entry.dtype() == Dtype.F32
            && entry.shape().equals(expected)) {
          NDArray latents = file.readFloat32(LATENTS, owner);
          if (sha256(latents).equals(file.metadata().get(SHA256))) {
            return Optional.of(latents);
          }
          latents.close();
        }
        warnings.accept(path + " is damaged; its images are generated again");
        return Optional.empty();
      } catch (MalformedSafetensorsException e) {
        warnings.accept(path + " is damaged; its images are generated again: " + e.getMessage());
        return Optional.empty();
      } catch (NoSuchFileException e) {
        return Optional.empty();
      }
    });
  }

  void write(int first, NDArray latents) throws IOException {
    String sha256 = sha256(latents);
    Uninterrupted.during(() -> {
      Path path = file(first, Math.toIntExact(latents.getShape().get(0)));
      Files.createDirectories(folder);
      SafetensorsWriter.write(path, Map.of(LATENTS, latents), Map.of(KEY, key, SHA256, sha256));
      return path;
    });
  }

  private static String sha256(NDArray latents) {
    Hasher hasher = Hashing.sha256().newHasher();
    for (float value : latents.toFloatArray()) {
      hasher.putFloat(value);
    }
    return hasher.hash().toString();
  }
}
