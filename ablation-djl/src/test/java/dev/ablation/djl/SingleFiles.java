package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.golden.Golden;
import dev.ablation.model.DiffusionModel;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Single files of the golden directories, changed ones, and what is in them. */
final class SingleFiles {
  static final LoadOptions OPTIONS = LoadOptions.defaults().device(Golden.device()).threads(1);

  private SingleFiles() {}

  /** A single file and the folder of the same model. */
  record Pair(Path file, Path folder) {
    String name() {
      return String.valueOf(file.getFileName()).replace(".safetensors", "");
    }
  }

  /** The models of the second directory; the folder may be in the first. */
  static List<Pair> models() {
    List<Pair> pairs = new ArrayList<>();
    try (Stream<Path> files = Files.list(FlowGolden.path("singlefile"))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".safetensors")).sorted().toList()) {
        Pair pair = new Pair(file, file);
        for (Path pipelines :
            List.of(
                FlowGolden.path("pipelines"),
                Path.of(System.getProperty("ablation.golden")).resolve("pipelines"))) {
          Path folder = pipelines.resolve(pair.name());
          if (Files.isDirectory(folder)) {
            pairs.add(new Pair(file, folder));
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (pairs.isEmpty()) {
      throw new AssertionError("the golden directory has no single file of a pipeline");
    }
    return pairs;
  }

  /**
   * Names the components that a file lacks, and the tokenizers, which are not the published ones.
   */
  static LoadOptions beside(Pair pair) throws IOException {
    LoadOptions options = OPTIONS;
    for (String missing : SingleFile.inspect(pair.file()).missing()) {
      options = options.component(missing, pair.folder().resolve(missing));
    }
    for (String tokenizer : FlowGolden.folders(pair.folder())) {
      if (tokenizer.startsWith("tokenizer")) {
        options = options.component(tokenizer, pair.folder().resolve(tokenizer));
      }
    }
    return options;
  }

  /** All weights, the autoencoder's too, by component and name. */
  static Map<String, float[]> weights(DiffusionModel model) {
    Map<String, float[]> values = new TreeMap<>();
    try (NDManager scope = model.manager().newSubManager()) {
      model
          .weights()
          .list()
          .forEach(weight ->
              values.put(weight.name(), model.weights().copy(weight.name(), scope).toFloatArray()));
    }
    AutoencoderKL vae =
        model instanceof UNetDiffusion unet ? unet.vae() : ((FlowModel) model).vae();
    add("vae.", vae, values);
    return values;
  }

  private static void add(String prefix, Layer layer, Map<String, float[]> values) {
    layer.forEachWeight((name, weight) -> values.put(prefix + name, weight.get().toFloatArray()));
  }

  /** Writes a file again, with other tensors and metadata. */
  static Path changed(
      Path file,
      Path target,
      Map<String, String> metadata,
      Consumer<Map<String, TensorSource>> change)
      throws IOException {
    try (Checkpoint checkpoint = Checkpoint.openFile(file)) {
      Map<String, TensorSource> tensors = new LinkedHashMap<>();
      checkpoint.tensors().keySet().forEach(name -> tensors.put(name, checkpoint.source(name)));
      change.accept(tensors);
      SafetensorsWriter.writeSources(target, tensors, metadata, WriteOptions.defaults());
    }
    return target;
  }

  /** Writes zeros under some names. */
  static Path zeros(Path target, Map<String, long[]> shapes) throws IOException {
    try (NDManager manager = NDManager.newBaseManager(Golden.device(), "PyTorch")) {
      Map<String, NDArray> tensors = new TreeMap<>();
      shapes.forEach((name, shape) -> tensors.put(name, manager.zeros(new Shape(shape))));
      SafetensorsWriter.write(target, tensors, Map.of());
    }
    return target;
  }

  /** The bytes of a tensor. */
  static ByteBuffer bytes(Checkpoint checkpoint, String tensor) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    checkpoint.source(tensor).writeTo(Channels.newChannel(out));
    return ByteBuffer.wrap(out.toByteArray());
  }
}
