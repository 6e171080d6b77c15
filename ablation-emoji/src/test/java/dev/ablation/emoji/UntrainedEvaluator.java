package dev.ablation.emoji;

import ai.djl.Device;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.safetensors.Dtype;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** An evaluator with few and random weights: it answers at once, whatever the answers are worth. */
public final class UntrainedEvaluator {
  private UntrainedEvaluator() {}

  /**
   * Writes one.
   *
   * @param folder new
   * @param scratch where other files may be written
   */
  public static void write(Path folder, Path scratch) throws IOException {
    Path shapes = Files.createDirectories(scratch.resolve("evaluator-shapes"));
    JsonObject config = json("config.json");
    JsonObject text = config.getAsJsonObject("text_config");
    text.addProperty("hidden_size", 16);
    text.addProperty("intermediate_size", 16);
    text.addProperty("num_attention_heads", 2);
    text.addProperty("num_hidden_layers", 1);
    JsonObject vision = config.getAsJsonObject("vision_config");
    vision.addProperty("hidden_size", 16);
    vision.addProperty("intermediate_size", 16);
    vision.addProperty("num_attention_heads", 2);
    vision.addProperty("num_hidden_layers", 1);
    JsonArray stem = new JsonArray();
    stem.add(8);
    stem.add(8);
    stem.add(16);
    vision.add("stem_channels", stem);
    Files.writeString(shapes.resolve("config.json"), config.toString());
    Files.writeString(
        shapes.resolve("preprocessor_config.json"), json("preprocessor_config.json").toString());
    try (Clip clip =
        Clip.untrained(
            shapes,
            LoadOptions.defaults()
                .device(Device.cpu())
                .tokenizer(EmbeddedModel.folder().resolve("tokenizer")),
            3)) {
      clip.save(folder, Dtype.F16);
    }
  }

  private static JsonObject json(String file) throws IOException {
    try (InputStream bytes = ModelFiles.EVALUATOR.resource(file);
        Reader reader = new InputStreamReader(bytes, StandardCharsets.UTF_8)) {
      return JsonParser.parseReader(reader).getAsJsonObject();
    }
  }
}
