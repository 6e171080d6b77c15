package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.unet.UNetConfig;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.internal.AtomicFiles;
import dev.ablation.internal.TextFile;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The shapes of the model, and how it is written: a folder in diffusers' layout with float16
 * weights under the plain names.
 *
 * @param template a folder of that layout, whose configurations, tokenizer and scheduler are taken
 */
record ModelFolder(Path template) {
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();
  private static final String CONFIG = "config.json";
  static final String VAE = "vae";
  static final String UNET = "unet";
  static final String TEXT_ENCODER = "text_encoder";
  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";
  private static final List<String> COPIED =
      List.of(
          "model_index.json",
          "scheduler/scheduler_config.json",
          "tokenizer/merges.txt",
          "tokenizer/special_tokens_map.json",
          "tokenizer/tokenizer.json",
          "tokenizer/tokenizer_config.json",
          "tokenizer/vocab.json",
          "text_encoder/config.json",
          "unet/config.json");

  UNetConfig unet() throws IOException {
    return UNetConfig.of(config(UNET));
  }

  ClipTextConfig text() throws IOException {
    return ClipTextConfig.of(config(TEXT_ENCODER));
  }

  /** The autoencoder's shapes, for latents of another scale than the template's. */
  VaeConfig vae(double scalingFactor) throws IOException {
    return VaeConfig.of(config(VAE).with("scaling_factor", scalingFactor).with("shift_factor", 0));
  }

  /** The factor that the autoencoder's latents are multiplied with for the UNet. */
  double scalingFactor() throws IOException {
    return VaeConfig.of(config(VAE)).scalingFactor();
  }

  ClipTokenizer tokenizer() throws IOException {
    return ClipTokenizer.load(template.resolve("tokenizer"), text().contextLength());
  }

  private JsonConfig config(String part) throws IOException {
    return JsonConfig.read(template.resolve(part).resolve(CONFIG));
  }

  /**
   * The weights of the three networks, by their names in them.
   *
   * @param vae autoencoder
   * @param scalingFactor of its latents
   * @param text text encoder
   * @param unet denoising network
   */
  record Networks(
      Map<String, NDArray> vae,
      double scalingFactor,
      Map<String, NDArray> text,
      Map<String, NDArray> unet) {}

  /** Writes a model, in place of the one that is there. */
  void write(Networks networks, Path folder) throws IOException {
    Path fresh = folder.resolveSibling(folder.getFileName() + ".new");
    delete(fresh);
    AtomicFiles.writeFolder(fresh, target -> writeFiles(networks, target));
    delete(folder);
    Files.move(fresh, folder);
  }

  private void writeFiles(Networks networks, Path folder) throws IOException {
    for (String part : List.of("scheduler", "tokenizer", TEXT_ENCODER, UNET, VAE)) {
      Files.createDirectory(folder.resolve(part));
    }
    for (String file : COPIED) {
      Files.copy(template.resolve(file), folder.resolve(file));
    }
    JsonObject vae =
        JsonParser.parseString(TextFile.read(template.resolve(VAE).resolve(CONFIG)))
            .getAsJsonObject();
    vae.addProperty("scaling_factor", networks.scalingFactor());
    Files.writeString(folder.resolve(VAE).resolve(CONFIG), GSON.toJson(vae) + "\n");
    WriteOptions half = WriteOptions.defaults().storingFloatsAs(Dtype.F16);
    SafetensorsWriter.write(weightsFile(folder, VAE), networks.vae(), Map.of(), half);
    SafetensorsWriter.write(weightsFile(folder, UNET), networks.unet(), Map.of(), half);
    SafetensorsWriter.write(weightsFile(folder, TEXT_ENCODER), networks.text(), Map.of(), half);
  }

  /** Where the weights of a network of a model are. */
  static Path weightsFile(Path folder, String network) {
    return folder
        .resolve(network)
        .resolve(network.equals(TEXT_ENCODER) ? "model.safetensors" : WEIGHTS);
  }

  /** Deletes a folder with all that is in it, if there is one. */
  static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> deepestFirst;
    try (Stream<Path> files = Files.walk(folder)) {
      deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path file : deepestFirst) {
      Files.delete(file);
    }
  }

  /**
   * Reads the weights of a network of a model, as float32.
   *
   * @param network {@link #UNET}, {@link #VAE} or {@link #TEXT_ENCODER}
   */
  static Map<String, NDArray> weights(Path model, String network, NDManager owner)
      throws IOException {
    Map<String, NDArray> weights = new LinkedHashMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(weightsFile(model, network))) {
      for (String name : file.tensors().keySet()) {
        try (NDArray stored = file.readFloat32(name, owner)) {
          // The file is mapped; what is trained must not lie in it.
          NDArray copy = GradMode.with(false, stored::duplicate);
          copy.attach(owner);
          weights.put(name, copy);
        }
      }
    }
    return weights;
  }

  /** Fills a network, whose weights have not been loaded. */
  static void load(Layer network, Map<String, NDArray> weights) {
    network.forEachWeight(
        (name, weight) -> weight.load(Objects.requireNonNull(weights.get(name), name)));
  }
}
