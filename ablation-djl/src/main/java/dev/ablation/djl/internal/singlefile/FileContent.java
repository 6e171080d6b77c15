package dev.ablation.djl.internal.singlefile;

import dev.ablation.djl.internal.checkpoint.Checkpoint;
import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.ModelFamily;
import dev.ablation.safetensors.MalformedSafetensorsException;
import dev.ablation.safetensors.SafetensorsFile.Access;
import dev.ablation.safetensors.TensorEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What a single file holds, found from the names and shapes of its tensors.
 *
 * @param file the file
 * @param tensors all of its tensors
 * @param metadata of its header
 * @param family the model
 * @param parts the networks of the family that are in it, by component
 */
public record FileContent(
    Path file,
    Map<String, TensorEntry> tensors,
    Map<String, String> metadata,
    ModelFamily family,
    Map<String, FilePart> parts) {

  /** What single files carry beside the weights: averages, schedules, the state of training. */
  private static final Pattern IGNORED =
      Pattern.compile(
          "model_ema\\..*|betas|alphas_cumprod.*|sqrt_.*|log_one_minus_.*|posterior_.*|logvar"
              + "|lvlb_weights|scale_factor|global_step|epoch|v_pred|ztsnr"
              + "|(first_stage_model|vae)\\.(loss\\..*|model_ema\\..*)|denoiser\\.sigmas"
              + "|(cond_stage_model|conditioner|text_encoders)\\..*(position_ids|logit_scale|attn_mask)");

  private static final List<String> PICKLES = List.of(".ckpt", ".pt", ".pth", ".bin", ".pkl");

  private static final String UNET = "unet";

  /** Opens a file that might be a pickle. */
  public static Checkpoint open(Path file, Access access) throws IOException {
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    try {
      return Checkpoint.openFile(file, access);
    } catch (MalformedSafetensorsException e) {
      if (PICKLES.stream().anyMatch(name::endsWith)) {
        throw new InvalidCheckpointException(file, pickle());
      }
      throw e;
    }
  }

  private static String pickle() {
    return "is a Python pickle, not a safetensors file. Pickles can run any program when they are"
        + " opened and are never read here. Convert it in Python, if you trust its source: import"
        + " torch; from safetensors.torch import save_file; d = torch.load('FILE',"
        + " weights_only=True); d = d.get('state_dict', d); save_file({k: v.contiguous() for k, v in"
        + " d.items() if hasattr(v, 'shape')}, 'FILE.safetensors', metadata={'format': 'pt'})";
  }

  /**
   * Finds out what a file holds.
   *
   * @param file its path
   * @param checkpoint the file, open
   * @return its content
   * @throws InvalidCheckpointException if it is no checkpoint of a family that can be told, or its
   *     weights are quantised; says what its tensors look like
   */
  public static FileContent of(Path file, Checkpoint checkpoint) throws InvalidCheckpointException {
    Map<String, TensorEntry> tensors = checkpoint.tensors();
    Map<String, String> metadata =
        tensors.isEmpty() ? Map.of() : checkpoint.metadataOf(tensors.keySet().iterator().next());
    OtherFiles.refuse(file, tensors, metadata);
    ModelFamily family = family(file, tensors);
    Map<String, FilePart> parts = new LinkedHashMap<>();
    Family.networks(family)
        .forEach((component, names) ->
            FilePart.find(component, names, tensors.keySet())
                .ifPresent(part -> parts.put(component, part)));
    return new FileContent(file, tensors, metadata, family, Map.copyOf(parts));
  }

  private static ModelFamily family(Path file, Map<String, TensorEntry> tensors)
      throws InvalidCheckpointException {
    Set<String> names = tensors.keySet();
    Optional<FilePart> unet = FilePart.find(UNET, NetworkNames.UNET, names);
    if (unet.isPresent()) {
      return ofUnet(new Shapes(file, unet.get().prefix(), tensors));
    }
    Optional<FilePart> transformer = FilePart.find("transformer", NetworkNames.TRANSFORMER, names);
    if (transformer.isEmpty()) {
      throw OtherFiles.unknown(file, names);
    }
    Shapes shapes = new Shapes(file, transformer.get().prefix(), tensors);
    if (shapes.has("double_blocks.0.img_attn.qkv.weight")) {
      return shapes.has("guidance_in.in_layer.weight")
          ? ModelFamily.FLUX_1_DEV
          : ModelFamily.FLUX_1_SCHNELL;
    }
    return shapes.has("joint_blocks.0.x_block.attn.ln_q.weight")
        ? ModelFamily.STABLE_DIFFUSION_3_5
        : ModelFamily.STABLE_DIFFUSION_3;
  }

  /** The text encoder decides where the file has it, else the sizes of the UNet do. */
  private static ModelFamily ofUnet(Shapes unet) throws InvalidCheckpointException {
    Shapes all = new Shapes(unet.file(), "", unet.tensors());
    if (all.has("conditioner.embedders.1.model.token_embedding.weight")) {
      return ModelFamily.STABLE_DIFFUSION_XL;
    }
    if (all.has("conditioner.embedders.0.model.token_embedding.weight")) {
      return ModelFamily.STABLE_DIFFUSION_XL_REFINER;
    }
    if (all.has("cond_stage_model.model.token_embedding.weight")) {
      return ModelFamily.STABLE_DIFFUSION_2;
    }
    if (all.numbers("cond_stage_model.transformer.text_model.encoder.layers.").size()
            + all.numbers("cond_stage_model.transformer.encoder.layers.").size()
        > 0) {
      return ModelFamily.STABLE_DIFFUSION_1;
    }
    if (unet.has("label_emb.0.0.weight")) {
      return unet.size("label_emb.0.0.weight", 1) == DerivedConfigs.REFINER_CONDITIONS
          ? ModelFamily.STABLE_DIFFUSION_XL_REFINER
          : ModelFamily.STABLE_DIFFUSION_XL;
    }
    return DerivedConfigs.hasLinearProjection(unet)
        ? ModelFamily.STABLE_DIFFUSION_2
        : ModelFamily.STABLE_DIFFUSION_1;
  }

  /**
   * Tells whether a tensor belongs to no network but is known all the same.
   *
   * @param tensor name in the file
   * @return whether it can be passed over
   */
  public static boolean isIgnored(String tensor) {
    return IGNORED.matcher(tensor).matches();
  }

  /** {@return the networks of the family, by component} */
  public Map<String, NetworkNames> networks() {
    return Family.networks(family);
  }

  /** {@return the networks that the family can do without} */
  public Set<String> optional() {
    return Family.optional(family);
  }

  /** {@return all components of the family that have files of their own in a folder} */
  public Set<String> components() {
    Set<String> components = new TreeSet<>(networks().keySet());
    components.addAll(Family.tokenizers(family).keySet());
    components.add("scheduler");
    return components;
  }

  /**
   * Tells whether a pipeline is one of the family.
   *
   * @param className the published class
   * @return whether such pipelines have the family's networks
   */
  public boolean fitsPipeline(String className) {
    String usual = Family.pipelineClass(family, 0);
    String stem = usual.substring(0, usual.length() - "Pipeline".length());
    return className.startsWith(stem)
        && !(usual.equals("StableDiffusionPipeline")
            && (className.startsWith("StableDiffusionXL")
                || className.startsWith("StableDiffusion3")));
  }

  /**
   * Says what the file is.
   *
   * @param prediction of its network
   * @return family, networks and formats, prediction, averages
   */
  public String description(Prediction prediction) {
    StringBuilder text = new StringBuilder(family.title());
    text.append(": ").append(String.join(", ", new TreeSet<>(parts.keySet())));
    Set<String> formats = new TreeSet<>();
    tensors.forEach((name, tensor) -> {
      if (parts.values().stream().anyMatch(part -> part.owns(name)) && !isIgnored(name)) {
        formats.add(tensor.dtype().name());
      }
    });
    text.append(" in ").append(String.join(", ", formats));
    if (!missing().isEmpty()) {
      text.append(", without ").append(String.join(", ", missing()));
    }
    if (!family.isFlow()) {
      text.append("; predicts ").append(prediction.text()).append(", ").append(prediction.source());
    }
    return text.append(hasAverages() ? "; has averaged weights as well" : "").toString();
  }

  /**
   * Returns the shapes of a network.
   *
   * @param component that the file has
   * @return the shapes of its tensors
   */
  public Shapes shapes(String component) {
    FilePart part = parts.get(component);
    if (part == null) {
      throw new IllegalArgumentException("component must be in the file, was " + component);
    }
    return new Shapes(file, part.prefix(), tensors);
  }

  /** {@return whether the UNet's weights are there a second time, averaged over the steps} */
  public boolean hasAverages() {
    return tensors.keySet().stream()
        .anyMatch(tensor -> tensor.startsWith(FilePart.averaged().prefix()));
  }

  /** {@return the networks of the family that are not in the file and that it cannot do without} */
  public Set<String> missing() {
    Set<String> missing = new TreeSet<>(Family.networks(family).keySet());
    missing.removeAll(parts.keySet());
    missing.removeAll(Family.optional(family));
    return missing;
  }

  /** {@return the channels that the UNet takes; 0 for a transformer} */
  public int unetChannels() throws InvalidCheckpointException {
    return parts.containsKey(UNET) ? shapes(UNET).size("input_blocks.0.0.weight", 1) : 0;
  }
}
