package dev.ablation.benchmarks;

import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.unet.UNet2DConditionModel;
import dev.ablation.djl.unet.UNetConfig;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.safetensors.Dtype;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.safetensors.TensorSource;
import dev.ablation.safetensors.WriteOptions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.StringJoiner;

/**
 * Writes a checkpoint of the shapes of Stable Diffusion 1.4 with random float32 weights, 4.3 GB in
 * diffusers' layout: speed and memory do not depend on what the weights are.
 *
 * <pre>{@code java -cp CLASS_PATH dev.ablation.benchmarks.RandomCheckpoint FOLDER}</pre>
 */
public final class RandomCheckpoint {
  private static final int TOKENS = 49408;
  private static final int BYTES = 256;
  private static final int PIECE = 1 << 20;

  private RandomCheckpoint() {}

  /**
   * Writes the checkpoint.
   *
   * @param args the folder to write, which must not exist
   * @throws IOException if it cannot be written
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 1) {
      throw new IllegalArgumentException("expected one argument: the folder to write");
    }
    Path folder = Files.createDirectory(Path.of(args[0]));
    copy("model_index.json", folder.resolve("model_index.json"));
    copy("scheduler.json", part(folder, "scheduler").resolve("scheduler_config.json"));
    writeTokenizer(part(folder, "tokenizer"));
    JsonConfig unet = config("unet", folder);
    write(
        folder.resolve("unet"),
        "diffusion_pytorch_model",
        new UNet2DConditionModel(UNetConfig.of(unet)));
    JsonConfig vae = config("vae", folder);
    write(folder.resolve("vae"), "diffusion_pytorch_model", new AutoencoderKL(VaeConfig.of(vae)));
    JsonConfig text = config("text_encoder", folder);
    write(folder.resolve("text_encoder"), "model", new ClipTextModel(ClipTextConfig.of(text)));
  }

  private static Path part(Path folder, String name) throws IOException {
    return Files.createDirectory(folder.resolve(name));
  }

  private static JsonConfig config(String name, Path folder) throws IOException {
    Path target = part(folder, name).resolve("config.json");
    copy(name + ".json", target);
    return JsonConfig.read(target);
  }

  private static void copy(String resource, Path target) throws IOException {
    try (InputStream in = RandomCheckpoint.class.getResourceAsStream("sd14/" + resource)) {
      Files.copy(Objects.requireNonNull(in, resource), target);
    }
  }

  private static void write(Path folder, String stem, Layer network) throws IOException {
    Map<String, TensorSource> sources = new LinkedHashMap<>();
    network.forEachWeight((name, weight) -> sources.put(name, new Random(name, weight.shape())));
    SafetensorsWriter.writeSources(
        folder.resolve(stem + ".safetensors"), sources, Map.of(), WriteOptions.defaults());
  }

  /** CLIP's number of tokens, but no merges: every byte of a prompt is a token of its own. */
  private static void writeTokenizer(Path folder) throws IOException {
    copy("tokenizer_config.json", folder.resolve("tokenizer_config.json"));
    Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n");
    StringJoiner json = new StringJoiner(",\n", "{", "}");
    int id = 0;
    for (String end : new String[] {"", "</w>"}) {
      for (int at = 0; at < BYTES; at++) {
        json.add(quoted(symbol(at) + end) + ": " + id++);
      }
    }
    while (id < TOKENS - 2) {
      json.add("\"unused" + id + "\": " + id++);
    }
    json.add("\"<|startoftext|>\": " + id++);
    json.add("\"<|endoftext|>\": " + id);
    Files.writeString(folder.resolve("vocab.json"), json.toString());
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  /** The symbols of byte-level BPE: printable bytes as themselves, the others from U+0100 on. */
  private static String symbol(int index) {
    int seen = 0;
    int others = 0;
    for (int value = 0; value < BYTES; value++) {
      if (isPrintable(value) && seen++ == index) {
        return Character.toString(value);
      }
    }
    for (int value = 0; value < BYTES; value++) {
      if (!isPrintable(value)) {
        if (seen++ == index) {
          return Character.toString(BYTES + others);
        }
        others++;
      }
    }
    throw new IllegalArgumentException("index must be below 256, was " + index);
  }

  private static boolean isPrintable(int value) {
    return (value >= '!' && value <= '~') || (value >= 0xA1 && value <= 0xAC) || value >= 0xAE;
  }

  /** Norm scales are 1 and biases 0; others are uniform with variance 1 / inputs. */
  private record Random(String name, Shape shape) implements TensorSource {
    @Override
    public Dtype dtype() {
      return Dtype.F32;
    }

    @Override
    public void writeTo(WritableByteChannel out) throws IOException {
      SplittableRandom random = new SplittableRandom(name.hashCode());
      boolean vector = shape.dimension() == 1;
      float constant = name.endsWith("weight") ? 1 : 0;
      double inputs = (double) shape.size() / shape.get(0);
      double scale = name.contains("embedding.weight") ? 0.02 : Math.sqrt(12 / inputs);
      ByteBuffer piece = ByteBuffer.allocate(PIECE).order(ByteOrder.LITTLE_ENDIAN);
      for (long i = 0; i < shape.size(); i++) {
        piece.putFloat(vector ? constant : (float) (scale * (random.nextDouble() - 0.5)));
        if (!piece.hasRemaining() || i == shape.size() - 1) {
          piece.flip();
          while (piece.hasRemaining()) {
            out.write(piece);
          }
          piece.clear();
        }
      }
    }
  }
}
