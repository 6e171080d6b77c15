package dev.ablation.anchor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.Weights;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Latents on disk under a key of everything that shaped them: the model's weights and latent shape,
 * every prompt, the sampler's settings, the seed.
 */
final class LatentCache {
  private static final String LATENTS = "latents";
  private static final String KEY = "ablation.cache.key";

  private final Path file;
  private final String key;

  private LatentCache(Path file, String key) {
    this.file = file;
    this.key = key;
  }

  static LatentCache of(
      Path folder,
      DiffusionModel model,
      List<String> prompts,
      Map<String, String> settings,
      long seed) {
    ModelDescriptor shape = model.descriptor();
    Hasher hasher = Hashing.sha256().newHasher();
    put(hasher, "anchor-latents/1");
    put(hasher, model.weights().sha256());
    putBoundWeights(hasher, model.weights());
    put(hasher, model.schedule() + " " + model.predictionType());
    put(
        hasher,
        "%d x %d x %d"
            .formatted(shape.latentChannels(), shape.latentHeight(), shape.latentWidth()));
    put(hasher, Long.toString(seed));
    new TreeMap<>(settings).forEach((name, value) -> put(hasher, name + "=" + value));
    prompts.forEach(prompt -> put(hasher, prompt));
    String key = hasher.hash().toString();
    return new LatentCache(folder.resolve("anchors-" + key.substring(0, 16) + ".safetensors"), key);
  }

  /** The model's hash is that of its own weights; an applied delta draws other pictures. */
  private static void putBoundWeights(Hasher hasher, Weights weights) {
    for (WeightInfo info : weights.list()) {
      if (weights.isBound(info.name())) {
        put(hasher, info.name());
        for (float value : weights.get(info.name()).toFloatArray()) {
          hasher.putFloat(value);
        }
      }
    }
  }

  /** The length keeps neighbouring texts apart. */
  private static void put(Hasher hasher, String text) {
    hasher.putInt(text.length()).putString(text, StandardCharsets.UTF_8);
  }

  /** Returns the latents, owned by {@code owner}; {@code null} if there are none of this key. */
  @Nullable NDArray read(NDManager owner) throws IOException {
    if (!Files.exists(file)) {
      return null;
    }
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      return key.equals(tensors.metadata().get(KEY)) ? tensors.readFloat32(LATENTS, owner) : null;
    }
  }

  void write(NDArray latents) throws IOException {
    Files.createDirectories(file.getParent());
    SafetensorsWriter.write(file, Map.of(LATENTS, latents), Map.of(KEY, key));
  }
}
