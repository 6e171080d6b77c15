package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.safetensors.SafetensorsFile.Access;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model whose weights are copied does not need its files any longer. */
class CopiedWeightsTest {
  private static final Path MODEL =
      Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1");

  @TempDir Path folder;

  @Test
  void filesThatAreCutChangeNothing() throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(MODEL)) {
      files = all.filter(Files::isRegularFile).toList();
    }
    for (Path file : files) {
      Path copy = folder.resolve(MODEL.relativize(file).toString());
      Files.createDirectories(copy.getParent());
      Files.copy(file, copy);
    }
    LoadOptions options =
        LoadOptions.defaults()
            .device(Device.fromName(System.getProperty("ablation.device")))
            .access(Access.COPY);
    try (StableDiffusion whole = StableDiffusion.load(MODEL, options);
        StableDiffusion model = StableDiffusion.load(folder, options)) {
      for (Path file : files) {
        Path copy = folder.resolve(MODEL.relativize(file).toString());
        try (RandomAccessFile cut = new RandomAccessFile(copy.toFile(), "rw")) {
          cut.setLength(0);
        }
      }
      assertThat(model.weights().sha256()).isEqualTo(whole.weights().sha256());
    }
  }
}
