package dev.ablation.djl.internal.singlefile;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.internal.checkpoint.SingleFileLayout;
import dev.ablation.djl.internal.checkpoint.TensorPiece;
import dev.ablation.djl.load.ModelFamily;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Weight;
import dev.ablation.safetensors.TensorSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How a model is written as a single file, with the names that others read. */
public final class FileLayout {
  private static final FilePart LDM_UNET =
      new FilePart("model.diffusion_model.", SingleFileLayout.LDM_UNET);
  private static final FilePart LDM_VAE =
      new FilePart("first_stage_model.", SingleFileLayout.LDM_VAE);

  /** The last block of OpenCLIP-H, which Stable Diffusion 2 does not use and its readers expect. */
  private static final int UNUSED_BLOCK = 23;

  private static final String BLOCKS = "model.transformer.resblocks.";

  /** Linear maps that the original code has as convolutions of size 1. */
  private static final Pattern PIXELWISE =
      Pattern.compile(".*\\.attn_1\\.(q|k|v|proj_out)\\.weight");

  private final ModelFamily family;
  private final boolean velocity;

  private FileLayout(ModelFamily family, boolean velocity) {
    this.family = family;
    this.velocity = velocity;
  }

  /**
   * Finds the layout of a model.
   *
   * @param files the small files of its folder, by name: the index, {@code config.json} of
   *     networks, the scheduler's configuration
   * @return the layout
   */
  public static FileLayout of(Function<String, JsonObject> files) {
    String pipeline = text(files.apply("model_index.json"), "_class_name");
    JsonObject scheduler = files.apply("scheduler/scheduler_config.json");
    return new FileLayout(
        family(pipeline, files), text(scheduler, "prediction_type").equals("v_prediction"));
  }

  private static ModelFamily family(String pipeline, Function<String, JsonObject> files) {
    if (pipeline.startsWith("Flux")) {
      JsonElement guidance = files.apply("transformer/config.json").get("guidance_embeds");
      return guidance != null && guidance.isJsonPrimitive() && guidance.getAsBoolean()
          ? ModelFamily.FLUX_1_DEV
          : ModelFamily.FLUX_1_SCHNELL;
    }
    if (pipeline.startsWith("StableDiffusion3")) {
      return text(files.apply("transformer/config.json"), "qk_norm").isEmpty()
          ? ModelFamily.STABLE_DIFFUSION_3
          : ModelFamily.STABLE_DIFFUSION_3_5;
    }
    if (pipeline.startsWith("StableDiffusionXL")) {
      return ModelFamily.STABLE_DIFFUSION_XL;
    }
    // The text encoder of version 2 is OpenCLIP's, whose activation differs from CLIP's.
    JsonObject encoder = files.apply("text_encoder/config.json");
    JsonElement inner = encoder.get("text_config");
    String activation =
        text(
            inner != null && inner.isJsonObject() ? inner.getAsJsonObject() : encoder,
            "hidden_act");
    return activation.equals("gelu")
        ? ModelFamily.STABLE_DIFFUSION_2
        : ModelFamily.STABLE_DIFFUSION_1;
  }

  private static String text(JsonObject json, String key) {
    JsonElement value = json.get(key);
    return value != null && value.isJsonPrimitive() ? value.getAsString() : "";
  }

  /** {@return the family} */
  public ModelFamily family() {
    return family;
  }

  /**
   * Tells where a network is written.
   *
   * @param component such as {@code "vae"}
   * @return its place; empty if files of the family are published without it
   */
  public Optional<FilePart> part(String component) {
    return Optional.ofNullable(place(component));
  }

  private @Nullable FilePart place(String component) {
    if (Family.isFlux(family)) {
      return component.equals("transformer") ? new FilePart("", FlowLayout.FLUX) : null;
    }
    return switch (component) {
      case "unet" -> LDM_UNET;
      case "vae" -> LDM_VAE;
      case "transformer" -> new FilePart("model.diffusion_model.", FlowLayout.SD3);
      default -> encoder(component);
    };
  }

  private FilePart encoder(String component) {
    SingleFileLayout own = SingleFileLayout.OWN;
    if (family.isFlow()) {
      String name =
          switch (component) {
            case "text_encoder" -> "clip_l";
            case "text_encoder_2" -> "clip_g";
            default -> "t5xxl";
          };
      return new FilePart("text_encoders." + name + ".transformer.", own);
    }
    if (component.equals("text_encoder_2")) {
      return new FilePart("conditioner.embedders.1.", SingleFileLayout.OPEN_CLIP);
    }
    return switch (family) {
      case STABLE_DIFFUSION_XL -> new FilePart("conditioner.embedders.0.transformer.", own);
      case STABLE_DIFFUSION_2 -> new FilePart("cond_stage_model.", SingleFileLayout.OPEN_CLIP);
      default -> new FilePart("cond_stage_model.transformer.", own);
    };
  }

  /**
   * Returns the tensors of a network, with the values that it computes with at this moment.
   *
   * @param component its name
   * @param layer the network, loaded
   * @return the tensors, float32, by their names in the file; none if the file does not hold it
   */
  public Map<String, TensorSource> tensors(String component, Layer layer) {
    FilePart part = place(component);
    Map<String, TensorSource> sources = new TreeMap<>();
    if (part == null || part.layout() == null) {
      return sources;
    }
    Map<String, Weight> weights = new LinkedHashMap<>();
    layer.forEachWeight(weights::put);
    Map<String, List<TensorPiece>> table = part.layout().table(Set.of(), weights.keySet());
    table.forEach((tensor, pieces) ->
        sources.put(
            part.prefix() + tensor,
            new PiecedSource(pieces, weights, PIXELWISE.matcher(tensor).matches())));
    if (family == ModelFamily.STABLE_DIFFUSION_2 && component.equals("text_encoder")) {
      addUnused(part.prefix(), sources);
    }
    return sources;
  }

  /** What readers of version 2 expect and do not use: a last block, and a projection. */
  private static void addUnused(String prefix, Map<String, TensorSource> sources) {
    Pattern block = Pattern.compile(Pattern.quote(prefix + BLOCKS) + "(\\d+)\\.(.*)");
    int last = 0;
    for (String name : sources.keySet()) {
      Matcher matcher = block.matcher(name);
      if (matcher.matches()) {
        last = Math.max(last, Integer.parseInt(matcher.group(1)));
      }
    }
    for (String name : List.copyOf(sources.keySet())) {
      Matcher matcher = block.matcher(name);
      if (matcher.matches() && Integer.parseInt(matcher.group(1)) == last) {
        sources.putIfAbsent(
            prefix + BLOCKS + UNUSED_BLOCK + "." + matcher.group(2), sources.get(name));
      }
    }
    TensorSource width = sources.get(prefix + "model.ln_final.weight");
    if (width != null) {
      sources.put(
          prefix + "model.text_projection",
          new IdentitySource(Math.toIntExact(width.shape().get(0))));
    }
  }

  /**
   * Returns what the header says of the model: what programs know of the published models, and the
   * configurations for this library, which would otherwise have to guess what shapes do not show.
   *
   * @param title name of the model
   * @param configurations JSON objects by file name
   * @return the metadata
   */
  public Map<String, String> metadata(String title, Map<String, JsonObject> configurations) {
    Map<String, String> metadata = new TreeMap<>();
    metadata.put("modelspec.sai_model_spec", "1.0.0");
    metadata.put("modelspec.title", title);
    metadata.put("modelspec.architecture", architecture());
    metadata.put(
        "modelspec.implementation",
        Family.isFlux(family)
            ? "https://github.com/black-forest-labs/flux"
            : "https://github.com/Stability-AI/generative-models");
    if (!family.isFlow()) {
      metadata.put("modelspec.prediction_type", velocity ? "v" : "epsilon");
    }
    JsonObject all = new JsonObject();
    configurations.forEach(all::add);
    metadata.put(DerivedFolder.CONFIGURATION, all.toString());
    return metadata;
  }

  private String architecture() {
    return switch (family) {
      case STABLE_DIFFUSION_1 -> "stable-diffusion-v1";
      case STABLE_DIFFUSION_2 -> velocity ? "stable-diffusion-v2-768-v" : "stable-diffusion-v2-512";
      case STABLE_DIFFUSION_XL, STABLE_DIFFUSION_XL_REFINER -> "stable-diffusion-xl-v1-base";
      case STABLE_DIFFUSION_3 -> "stable-diffusion-v3";
      case STABLE_DIFFUSION_3_5 -> "stable-diffusion-v3.5";
      case FLUX_1_DEV -> "flux-1-dev";
      case FLUX_1_SCHNELL -> "flux-1-schnell";
    };
  }
}
