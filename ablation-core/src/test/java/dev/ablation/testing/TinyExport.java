package dev.ablation.testing;

import ai.djl.ndarray.NDArray;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.WeightInfo;
import dev.ablation.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;

/** A folder with one file of weights, built beside its place and moved there. */
// @start region="export"
record TinyExport(String name, TinyWeights weights) implements CheckpointExport {
  static final String FILE = "model.safetensors";
  static final String NAME_KEY = "name";

  @Override
  public void export(Path folder) throws IOException {
    if (Files.exists(folder)) {
      throw new FileAlreadyExistsException(folder.toString());
    }
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (WeightInfo info : weights.list()) {
      arrays.put(info.name(), weights.get(info.name()));
    }
    Path parent = folder.toAbsolutePath().getParent();
    if (parent == null) {
      throw new FileAlreadyExistsException(folder.toString());
    }
    Path unfinished = Files.createTempDirectory(parent, "export");
    try {
      SafetensorsWriter.write(unfinished.resolve(FILE), arrays, Map.of(NAME_KEY, name));
      Files.move(unfinished, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(unfinished.resolve(FILE));
      Files.deleteIfExists(unfinished);
      throw e;
    }
  }
}
// @end
