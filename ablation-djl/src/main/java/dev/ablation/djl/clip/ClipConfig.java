package dev.ablation.djl.clip;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import java.util.Objects;

/**
 * A complete CLIP model, as its {@code config.json} describes it in the layout of transformers:
 * OpenAI's models and those of OpenCLIP that were converted to it.
 *
 * @param text the text model
 * @param vision the vision model
 * @param projectionSize P, width of the embeddings in which images and texts are compared
 */
public record ClipConfig(ClipTextConfig text, ClipVisionConfig vision, int projectionSize) {

  /** Checks that nothing is null. */
  public ClipConfig {
    Objects.requireNonNull(text, "text");
    Objects.requireNonNull(vision, "vision");
  }

  /**
   * Reads a {@code config.json}; absent keys take the default of the published class.
   *
   * @param json of the model's folder
   * @return the configuration
   * @throws InvalidCheckpointException naming the key, if a value does not fit or it is no CLIP
   */
  public static ClipConfig of(JsonConfig json) throws InvalidCheckpointException {
    if (!json.stringOr("model_type", "clip").equals("clip")) {
      throw json.invalid("model_type", "\"clip\"");
    }
    return new ClipConfig(
        ClipTextConfig.of(section(json, "text_config")),
        ClipVisionConfig.of(section(json, "vision_config")),
        json.positiveIntOr("projection_dim", 512));
  }

  /** The first published files repeat a section, and the repetition is the one that counts. */
  private static JsonConfig section(JsonConfig json, String key) throws InvalidCheckpointException {
    return json.section(key).overriddenBy(json.section(key + "_dict"));
  }
}
