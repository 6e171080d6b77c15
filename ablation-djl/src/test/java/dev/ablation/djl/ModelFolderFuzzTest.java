package dev.ablation.djl;

import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Text;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;

/** The small files of a model with sound weights: what they say is held against the weights. */
class ModelFolderFuzzTest extends ReaderFuzz {
  private final Path model =
      Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1");

  private final List<Path> links = new ArrayList<>();
  private final Mutator json = new Json();
  private final Mutator text = new Text();

  @Override
  protected Mutator mutator() {
    return (content, random) ->
        (content.length > 0 && content[0] == '{' ? json : text).mutate(content, random);
  }

  @AfterEach
  void removeLinks() throws IOException {
    for (Path link : links) {
      Files.deleteIfExists(link);
    }
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(model)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    Map<String, List<byte[]>> seeds = new TreeMap<>();
    for (Path file : files()) {
      if (!file.toString().endsWith(".safetensors")) {
        seeds.put(
            model.relativize(file).toString().replace('\\', '/'),
            List.of(Files.readAllBytes(file)));
      }
    }
    return seeds;
  }

  @Override
  protected int usualInputs() {
    return 50;
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    for (Path file : files()) {
      Path weights = folder.resolve(model.relativize(file));
      if (!Files.exists(weights)) {
        Files.createSymbolicLink(weights, file);
        links.add(weights);
      }
    }
    StableDiffusion.load(folder).close();
  }
}
