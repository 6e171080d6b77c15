package dev.ablation.djl.internal.singlefile;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.safetensors.TensorEntry;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What to say of a safetensors file that is no checkpoint of a supported family. */
final class OtherFiles {
  static final String SUPPORTED =
      "single files of Stable Diffusion 1.x, 2.x and XL, Stable Diffusion 3 and 3.5, and FLUX.1 dev"
          + " and schnell are opened, with the names of the original code";

  private static final int EXAMPLES = 4;

  /** Families that are not supported, by the end of a name that only they have. */
  private static final Map<String, String> UNSUPPORTED = new LinkedHashMap<>();

  /** Files that hold something else than a model, by a beginning of a name. */
  private static final Map<String, String> OTHERS = new LinkedHashMap<>();

  static {
    UNSUPPORTED.put("double_stream_modulation_img.lin.weight", "FLUX.2");
    UNSUPPORTED.put("distilled_guidance_layer.in_proj.weight", "Chroma");
    UNSUPPORTED.put("transformer_blocks.0.img_mod.1.weight", "Qwen-Image");
    UNSUPPORTED.put("cap_pad_token", "Z-Image");
    UNSUPPORTED.put("cap_embedder.0.weight", "Lumina");
    UNSUPPORTED.put("double_layers.0.attn.w1q.weight", "AuraFlow");
    UNSUPPORTED.put("clip_txt_mapper.weight", "Stable Cascade");
    UNSUPPORTED.put("attention_y_norm.weight", "Sana");
    UNSUPPORTED.put("t_block.1.weight", "PixArt");
    UNSUPPORTED.put("mlp_t5.0.weight", "HunyuanDiT");
    UNSUPPORTED.put("caption_projection.0.linear.weight", "HiDream");
    UNSUPPORTED.put("blocks.0.cross_attn.norm_k.weight", "Wan");
    UNSUPPORTED.put("input_blocks.1.0.time_stack.in_layers.0.weight", "Stable Video Diffusion");
    UNSUPPORTED.put("edm_mean", "Playground 2.5");

    OTHERS.put("control_model.", "is a ControlNet");
    OTHERS.put("controlnet_", "is a ControlNet");
    OTHERS.put("input_hint_block.", "is a ControlNet");
    OTHERS.put("transformer_blocks.", "is a transformer alone, with the names of a folder");
    OTHERS.put("single_transformer_blocks.", "is a transformer alone, with the names of a folder");
    OTHERS.put("text_model.", "is a text encoder alone");
    OTHERS.put("encoder.block.", "is a text encoder (T5) alone");
    OTHERS.put("emb_params", "is a textual-inversion embedding");
    OTHERS.put("clip_l", "is a textual-inversion embedding");
    OTHERS.put("clip_g", "is a textual-inversion embedding");
  }

  private OtherFiles() {}

  /** Refuses what would be taken for a checkpoint, or is one whose weights cannot be read. */
  static void refuse(Path file, Map<String, TensorEntry> tensors, Map<String, String> metadata)
      throws InvalidCheckpointException {
    Set<String> names = tensors.keySet();
    if (metadata.containsKey("ablation.format")) {
      throw new InvalidCheckpointException(
          file, "is a weight delta, not a model: open it with WeightDelta.load");
    }
    String quantised = first(names, OtherFiles::isScale);
    if (quantised != null) {
      throw new InvalidCheckpointException(
          file,
          "has quantised weights, which need the scales that stand beside them, such as "
              + quantised
              + "; they are not supported: use the file in float16 or bfloat16, or in plain"
              + " float8");
    }
    if (first(names, name -> name.startsWith("control_model.")) != null) {
      throw new InvalidCheckpointException(file, "is a ControlNet; " + SUPPORTED);
    }
    for (Map.Entry<String, String> family : UNSUPPORTED.entrySet()) {
      String probe = family.getKey();
      if (names.contains(probe)
          || names.contains("model.diffusion_model." + probe)
          || names.contains("diffusion_model." + probe)) {
        throw new InvalidCheckpointException(
            file,
            "is of the family %s, which is not supported; %s"
                .formatted(family.getValue(), SUPPORTED));
      }
    }
    if (names.contains("down_blocks.0.resnets.0.conv1.weight")) {
      throw new InvalidCheckpointException(
          file,
          "is a UNet alone, with the names of a folder: put it into the folder of a pipeline, as"
              + " unet/diffusion_pytorch_model.safetensors");
    }
  }

  private static boolean isScale(String name) {
    return name.endsWith(".scale_weight")
        || name.endsWith(".weight_scale")
        || name.equals("scaled_fp8")
        || name.endsWith(".scaled_fp8")
        || name.endsWith(".absmax")
        || name.contains(".quant_state.");
  }

  /** Explains a file in which there is no network that draws. */
  static InvalidCheckpointException unknown(Path file, Set<String> names) {
    if (first(names, OtherFiles::isLora) != null) {
      return new InvalidCheckpointException(
          file, "is a LoRA, not a model: LoraFile.load adds it to one; tensors" + examples(names));
    }
    if (first(names, name -> name.endsWith("decoder.conv_in.weight")) != null
        && first(names, name -> name.endsWith("encoder.conv_in.weight")) != null) {
      return new InvalidCheckpointException(
          file,
          "is an autoencoder alone, not a model: LoadOptions.component(\"vae\", file) puts it into"
              + " one");
    }
    for (Map.Entry<String, String> other : OTHERS.entrySet()) {
      if (first(names, name -> name.startsWith(other.getKey())) != null) {
        return new InvalidCheckpointException(
            file, "%s, not a model; %s".formatted(other.getValue(), SUPPORTED));
      }
    }
    return new InvalidCheckpointException(
        file,
        "is of a family that this library does not know: %d tensors%s; %s"
            .formatted(names.size(), examples(names), SUPPORTED));
  }

  private static boolean isLora(String name) {
    return Stream.of(
            ".lora_down.", ".lora_up.", ".lora_A.", ".lora_B.", ".hada_w", ".lokr_", "_lora.down.")
        .anyMatch(name::contains);
  }

  private static String examples(Set<String> names) {
    List<String> some = names.stream().sorted().limit(EXAMPLES).toList();
    return some.isEmpty() ? "" : " such as " + String.join(", ", some);
  }

  private static @Nullable String first(Set<String> names, Predicate<String> condition) {
    return names.stream().filter(condition).findFirst().orElse(null);
  }
}
