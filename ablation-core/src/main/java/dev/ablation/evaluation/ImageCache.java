package dev.ablation.evaluation;

import dev.ablation.delta.ConceptGate;
import dev.ablation.image.ImageFile;
import dev.ablation.internal.CacheKey;
import dev.ablation.internal.Uninterrupted;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Fingerprint;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Images of one model on disk, each a PNG file, in a folder whose name is a hash of the model and
 * of the sampling settings. Rounding depends on which images share a batch, so a batch is stored
 * and generated again only as a whole.
 */
final class ImageCache {
  private static final int FOLDER_HASH = 16;

  private final Path folder;
  private final String shared;

  private ImageCache(Path folder, String shared) {
    this.folder = folder;
    this.shared = shared;
  }

  /** The images of the model in its current state; with a gate, as far as prompts ask for it. */
  static ImageCache of(
      Path folder, DiffusionModel model, SamplingSettings sampling, Optional<ConceptGate> gate) {
    CacheKey key =
        new CacheKey("evaluation-images/1")
            .put(Fingerprint.of(model))
            .put(sampling.sampler().name() + sampling.sampler().settings())
            .put(sampling.steps() + " " + sampling.guidanceText() + " " + sampling.batchSize())
            .put(sampling.negativePrompt());
    gate.ifPresent(of -> key.put(of.toJson()));
    String shared = key.sha256();
    return new ImageCache(folder.resolve("pictures-" + shared.substring(0, FOLDER_HASH)), shared);
  }

  private List<Path> files(List<String> prompts, long seed) {
    CacheKey key = new CacheKey(shared).put(seed).put(prompts.size()).put(prompts);
    List<Path> files = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      files.add(folder.resolve(key.fileName(prompts.get(i), "-seed-" + (seed + i), ".png")));
    }
    return files;
  }

  /** {@return the images of a batch; empty if one of them is missing or damaged} */
  Optional<List<BufferedImage>> read(List<String> prompts, long seed) throws IOException {
    List<Path> files = files(prompts, seed);
    return Uninterrupted.during(() -> {
      List<BufferedImage> images = new ArrayList<>();
      for (Path file : files) {
        if (!Files.exists(file)) {
          return Optional.empty();
        }
        byte[] bytes = ImageFile.bytes(file);
        try {
          images.add(ImageFile.read(bytes, file));
        } catch (IOException e) {
          return Optional.empty(); // a damaged file is generated again and replaced
        }
      }
      return Optional.of(images);
    });
  }

  void write(List<String> prompts, long seed, List<BufferedImage> images) throws IOException {
    List<Path> files = files(prompts, seed);
    for (int i = 0; i < files.size(); i++) {
      write(files.get(i), images.get(i));
    }
  }

  private static void write(Path file, BufferedImage image) throws IOException {
    Uninterrupted.during(() -> {
      Files.createDirectories(file.toAbsolutePath().getParent());
      ImageFile.writePng(image, file);
      return file;
    });
  }
}
