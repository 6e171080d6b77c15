package dev.ablation.image;

import dev.ablation.fuzz.Images;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

class ImageFuzzTest extends ReaderFuzz {
  private static final String[] SEEDS = {
    "alpha.webp",
    "lossless.webp",
    "turned.webp",
    "grey-alpha.png",
    "grey.png",
    "metadata/text-empty.png",
    "metadata/compressed-text-damaged.png",
    "component-ids-1-2-3.jpg",
    "grey.jpg",
    "progressive.jpg",
    "turned.jpg",
    "upright.jpg"
  };

  @Override
  protected Mutator mutator() {
    return new Images();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    List<byte[]> images = new ArrayList<>();
    for (String name : SEEDS) {
      images.add(resource("/images/" + name));
    }
    return Map.of("image", images);
  }

  /** Within the limit that {@link ImageFile#read} sets by the memory of a pixel. */
  @Override
  protected long mostBytes() {
    return 200 << 20;
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    Path file = folder.resolve("image");
    ImageFile.read(Files.readAllBytes(file), file, 64 << 20);
  }
}
