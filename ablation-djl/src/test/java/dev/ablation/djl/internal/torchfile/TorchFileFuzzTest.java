package dev.ablation.djl.internal.torchfile;

import ai.djl.ndarray.NDManager;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Zip;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;

/** Files of torch.save: archives and pickles, which are never run. */
class TorchFileFuzzTest extends ReaderFuzz {
  private static final List<String> SEEDS =
      List.of(
          "delta/variant-half.bin",
          "delta/variant-bf16.bin",
          "delta/variant-embed-parameter.ckpt",
          "delta/variant-legacy-format.bin",
          "delta/variant-shared-storage.bin",
          "delta/variant-text-encoder-ordereddict.bin",
          "delta/variant-view-strides.bin",
          "textual-inversion/a1111-ablated.pt",
          "textual-inversion/learned_embeds.bin");

  private final NDManager manager = NDManager.newBaseManager();

  @AfterAll
  void close() {
    manager.close();
  }

  @Override
  protected Mutator mutator() {
    return new Zip();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    List<byte[]> files = new ArrayList<>();
    for (String name : SEEDS) {
      files.add(
          Files.readAllBytes(
              Path.of(System.getProperty("ablation.golden"), "formats").resolve(name)));
    }
    return Map.of("some.bin", files);
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    try (NamedTensors tensors = NamedTensors.open(folder.resolve("some.bin"));
        NDManager scope = manager.newSubManager()) {
      for (String name : tensors.names()) {
        tensors.readFloat32(name, scope).toFloatArray();
      }
    }
  }
}
