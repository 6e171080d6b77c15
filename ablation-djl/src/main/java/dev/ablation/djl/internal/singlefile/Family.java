package dev.ablation.djl.internal.singlefile;

import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.load.ModelFamily;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** What belongs to the pipelines of a family. */
final class Family {
  private static final String CLIP = "CLIPTextModel";
  private static final String PROJECTED = "CLIPTextModelWithProjection";

  private Family() {}

  /** The networks, by component, in the order of the pipelines' lists. */
  static Map<String, NetworkNames> networks(ModelFamily family) {
    Map<String, NetworkNames> networks = new LinkedHashMap<>();
    networks.put(
        family.isFlow() ? "transformer" : "unet",
        family.isFlow() ? NetworkNames.TRANSFORMER : NetworkNames.UNET);
    networks.put("vae", NetworkNames.VAE);
    networks.put("text_encoder", NetworkNames.CLIP_TEXT);
    switch (family) {
      case STABLE_DIFFUSION_XL, STABLE_DIFFUSION_XL_REFINER ->
          networks.put("text_encoder_2", NetworkNames.CLIP_TEXT);
      case STABLE_DIFFUSION_3, STABLE_DIFFUSION_3_5 -> {
        networks.put("text_encoder_2", NetworkNames.CLIP_TEXT);
        networks.put("text_encoder_3", NetworkNames.T5);
      }
      case FLUX_1_DEV, FLUX_1_SCHNELL -> networks.put("text_encoder_2", NetworkNames.T5);
      default -> {
        // one text encoder
      }
    }
    return networks;
  }

  /** The tokenizers and their published classes. */
  static Map<String, String> tokenizers(ModelFamily family) {
    Map<String, String> tokenizers = new LinkedHashMap<>();
    networks(family)
        .forEach((component, names) -> {
          if (names == NetworkNames.CLIP_TEXT) {
            tokenizers.put(component.replace("text_encoder", "tokenizer"), "CLIPTokenizer");
          } else if (names == NetworkNames.T5) {
            tokenizers.put(component.replace("text_encoder", "tokenizer"), "T5TokenizerFast");
          }
        });
    return tokenizers;
  }

  /** The text encoder that reads what a tokenizer gives. */
  static String encoder(String tokenizer) {
    return tokenizer.replace("tokenizer", "text_encoder");
  }

  /** The networks that the pipeline can do without. */
  static Set<String> optional(ModelFamily family) {
    return switch (family) {
      case STABLE_DIFFUSION_3, STABLE_DIFFUSION_3_5 -> Set.of("text_encoder_3");
      case STABLE_DIFFUSION_XL_REFINER -> Set.of("text_encoder");
      default -> Set.of();
    };
  }

  /** The published class of a network. */
  static String networkClass(ModelFamily family, String component, NetworkNames names) {
    return switch (names) {
      case UNET -> "UNet2DConditionModel";
      case VAE -> "AutoencoderKL";
      case TRANSFORMER -> isFlux(family) ? "FluxTransformer2DModel" : "SD3Transformer2DModel";
      case T5 -> "T5EncoderModel";
      case CLIP_TEXT -> isProjected(family, component) ? PROJECTED : CLIP;
    };
  }

  static boolean isFlux(ModelFamily family) {
    return family == ModelFamily.FLUX_1_DEV || family == ModelFamily.FLUX_1_SCHNELL;
  }

  private static boolean isProjected(ModelFamily family, String component) {
    return switch (family) {
      case STABLE_DIFFUSION_3, STABLE_DIFFUSION_3_5 -> true;
      default -> component.equals("text_encoder_2");
    };
  }

  /** The published class of the pipeline. */
  static String pipelineClass(ModelFamily family, int unetChannels) {
    return switch (family) {
      case STABLE_DIFFUSION_1, STABLE_DIFFUSION_2 ->
          switch (unetChannels) {
            case 9 -> "StableDiffusionInpaintPipeline";
            case 8 -> "StableDiffusionInstructPix2PixPipeline";
            case 7 -> "StableDiffusionUpscalePipeline";
            default -> "StableDiffusionPipeline";
          };
      case STABLE_DIFFUSION_XL ->
          switch (unetChannels) {
            case 9 -> "StableDiffusionXLInpaintPipeline";
            case 8 -> "StableDiffusionXLInstructPix2PixPipeline";
            default -> "StableDiffusionXLPipeline";
          };
      case STABLE_DIFFUSION_XL_REFINER -> "StableDiffusionXLImg2ImgPipeline";
      case STABLE_DIFFUSION_3, STABLE_DIFFUSION_3_5 -> "StableDiffusion3Pipeline";
      case FLUX_1_DEV, FLUX_1_SCHNELL -> "FluxPipeline";
    };
  }
}
