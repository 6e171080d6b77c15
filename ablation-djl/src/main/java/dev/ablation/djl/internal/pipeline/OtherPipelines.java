package dev.ablation.djl.internal.pipeline;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import java.util.LinkedHashMap;
import java.util.Map;

/** What to say of a published pipeline that cannot be opened here. */
final class OtherPipelines {
  private static final String REFINER = "requires_aesthetics_score";

  private static final String SUPPORTED =
      "this library opens Stable Diffusion 1.x, 2.x and XL, Stable Diffusion 3 and 3.5, and FLUX.1 dev"
          + " and schnell";

  /** Families that are not supported yet, by the beginning of the names of their pipelines. */
  private static final Map<String, String> UNSUPPORTED = new LinkedHashMap<>();

  /** Classes that open a pipeline, by its name. */
  private static final Map<String, String> ELSEWHERE =
      Map.of(
          "StableDiffusionXLPipeline", "StableDiffusionXL",
          "StableDiffusionXLImg2ImgPipeline", "StableDiffusionXL",
          "StableDiffusionXLInpaintPipeline", "StableDiffusionXL",
          "StableDiffusionPipeline", "StableDiffusion",
          "StableDiffusionImg2ImgPipeline", "StableDiffusion",
          "StableDiffusionInpaintPipeline", "StableDiffusion",
          "StableDiffusion3Pipeline", "StableDiffusion3",
          "StableDiffusion3Img2ImgPipeline", "StableDiffusion3",
          "FluxPipeline", "Flux",
          "FluxImg2ImgPipeline", "Flux");

  static {
    UNSUPPORTED.put("Flux2", "FLUX.2");
    UNSUPPORTED.put("FluxKontext", "FLUX.1 Kontext");
    UNSUPPORTED.put("QwenImage", "Qwen-Image");
    UNSUPPORTED.put("ZImage", "Z-Image");
    UNSUPPORTED.put("PixArt", "PixArt");
    UNSUPPORTED.put("Sana", "Sana");
    UNSUPPORTED.put("Chroma", "Chroma");
    UNSUPPORTED.put("Lumina", "Lumina");
    UNSUPPORTED.put("HiDream", "HiDream");
    UNSUPPORTED.put("StableCascade", "Stable Cascade");
    UNSUPPORTED.put("HunyuanImage", "HunyuanImage");
    UNSUPPORTED.put("HunyuanDiT", "HunyuanDiT");
    UNSUPPORTED.put("AuraFlow", "AuraFlow");
    UNSUPPORTED.put("Kolors", "Kolors");
    UNSUPPORTED.put("CogView", "CogView");
    UNSUPPORTED.put("OmniGen", "OmniGen");
    UNSUPPORTED.put("Bria", "Bria");
    UNSUPPORTED.put("PRX", "PRX");
    UNSUPPORTED.put("Anima", "Anima");
    UNSUPPORTED.put("Krea", "Krea");
    UNSUPPORTED.put("Ernie", "ERNIE-Image");
    UNSUPPORTED.put("Ideogram", "Ideogram");
    UNSUPPORTED.put("Kandinsky", "Kandinsky");
    UNSUPPORTED.put("Wuerstchen", "Würstchen");
    UNSUPPORTED.put("IF", "DeepFloyd IF");
    UNSUPPORTED.put("LatentConsistency", "Latent Consistency Models");
  }

  private OtherPipelines() {}

  /**
   * Explains why a pipeline is not opened.
   *
   * @param index of the pipeline
   * @return a remark in parentheses with a space before it; empty if nothing is known
   */
  static String remark(JsonConfig index) throws InvalidCheckpointException {
    if (index.boolOr(REFINER, false)) {
      return " (this is the refiner of SDXL, which improves images and draws none: use the base"
          + " model)";
    }
    String className = index.requireString("_class_name");
    String loader = ELSEWHERE.get(className);
    if (loader != null) {
      return " (%s.load opens this one, and so does DiffusionPipeline.load)".formatted(loader);
    }
    return UNSUPPORTED.entrySet().stream()
        .filter(family -> className.startsWith(family.getKey()))
        .findFirst()
        .map(family -> " (%s is not supported yet; %s)".formatted(family.getValue(), SUPPORTED))
        .orElse("");
  }
}
