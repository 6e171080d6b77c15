package dev.ablation.djl.pipeline;

import dev.ablation.djl.checkpoint.InvalidCheckpointException;
import dev.ablation.djl.checkpoint.JsonConfig;
import java.util.Map;

/** What to do with the pipelines that another class opens, or none. */
final class OtherPipelines {
  private static final String REFINER = "requires_aesthetics_score";

  private static final Map<String, String> CLASSES =
      Map.of(
          "StableDiffusionPipeline", "StableDiffusion",
          "StableDiffusionImg2ImgPipeline", "StableDiffusion",
          "StableDiffusionXLPipeline", "StableDiffusionXL",
          "StableDiffusionXLImg2ImgPipeline", "StableDiffusionXL");

  private OtherPipelines() {}

  /** Returns advice to stand behind an error, or nothing. */
  static String hint(JsonConfig index) throws InvalidCheckpointException {
    if (index.boolOr(REFINER, false)) {
      return " (this is the refiner of SDXL, which improves images and draws none: use the base"
          + " model)";
    }
    String type = CLASSES.get(index.requireString("_class_name"));
    return type == null ? "" : " (" + type + ".load opens this one)";
  }
}
