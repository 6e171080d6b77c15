package dev.ablation.djl.internal.checkpoint;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the networks of Stable Diffusion name their tensors in the files that they are published in:
 * in a folder of diffusers or transformers, where the names are those of the modules, and in single
 * files, where they are those of the original code (Rombach et al.; OpenCLIP).
 */
public enum NetworkNames {
  /** {@code UNet2DConditionModel}. */
  UNET(WeightFiles.DIFFUSERS_STEM, "model.diffusion_model.") {
    @Override
    Map<String, List<TensorPiece>> singleFile(Set<String> tensors, Set<String> weights) {
      return renamed(weights, new LdmUnet(weights)::name);
    }
  },

  /** {@code AutoencoderKL}. */
  VAE(WeightFiles.DIFFUSERS_STEM, "first_stage_model.") {
    @Override
    public TensorMapping inFolder(Set<String> tensors) {
      note(tensors, EXTRA);
      return TensorMapping.identity()
          .ignoring(NetworkNames::isExtra)
          .renaming(NetworkNames::modernAttention);
    }

    @Override
    Map<String, List<TensorPiece>> singleFile(Set<String> tensors, Set<String> weights) {
      int levels = count(weights, "decoder\\.up_blocks\\.(\\d+)\\..*");
      return renamed(weights, weight -> ldmVae(weight, levels));
    }
  },

  /** {@code SD3Transformer2DModel}, {@code FluxTransformer2DModel}. */
  TRANSFORMER(WeightFiles.DIFFUSERS_STEM, "model.diffusion_model.") {
    @Override
    Map<String, List<TensorPiece>> singleFile(Set<String> tensors, Set<String> weights) {
      throw new UnsupportedOperationException("the names depend on the pipeline");
    }
  },

  /** {@code T5EncoderModel}: the token embedding comes under one of two names, or under both. */
  T5(WeightFiles.TRANSFORMERS_STEM, "text_encoders.t5xxl.transformer.") {
    @Override
    public TensorMapping inFolder(Set<String> tensors) {
      String embedding = "shared.weight";
      String same = "encoder.embed_tokens.weight";
      boolean both = tensors.contains(embedding);
      return tensor -> {
        if (tensor.startsWith("decoder.")
            || tensor.equals("lm_head.weight")
            || (both && tensor.equals(same))) {
          return List.of();
        }
        return List.of(TensorPiece.whole(tensor.equals(same) ? embedding : tensor));
      };
    }

    @Override
    Map<String, List<TensorPiece>> singleFile(Set<String> tensors, Set<String> weights) {
      return renamed(weights, weight -> weight);
    }
  },

  /** {@code CLIPTextModel}. */
  CLIP_TEXT(WeightFiles.TRANSFORMERS_STEM, "cond_stage_model.") {
    @Override
    public TensorMapping inFolder(Set<String> tensors) {
      boolean addPrefix = tensors.stream().noneMatch(tensor -> tensor.startsWith(TEXT_MODEL));
      note(tensors, OTHER_PARTS_OF_CLIP);
      return TensorMapping.identity()
          .ignoring(POSITION_IDS::equals)
          .renaming(
              tensor -> addPrefix && !tensor.startsWith(PROJECTION) ? TEXT_MODEL + tensor : tensor)
          .ignoring(tensor -> isExtra(tensor) || OTHER_PARTS_OF_CLIP.matcher(tensor).matches());
    }

    @Override
    Map<String, List<TensorPiece>> singleFile(Set<String> tensors, Set<String> weights) {
      if (tensors.stream().anyMatch(tensor -> tensor.startsWith("cond_stage_model.model."))) {
        return openClip(tensors, weights);
      }
      // Some files leave "text_model." out.
      boolean full =
          tensors.stream()
              .anyMatch(tensor -> tensor.startsWith("cond_stage_model.transformer." + TEXT_MODEL));
      return renamed(
          weights,
          weight -> "transformer." + (full ? weight : weight.substring(TEXT_MODEL.length())));
    }
  };

  private static final String TEXT_MODEL = "text_model.";
  private static final String PROJECTION = "text_projection.";

  /** A buffer that older text encoders carry; the positions are known without it. */
  private static final String POSITION_IDS = "text_model.embeddings.position_ids";

  /** What remains of training in the files of a folder. */
  private static final Pattern EXTRA = Pattern.compile("model_ema\\..*|loss\\..*|logvar");

  /** What a whole CLIP has beside the text encoder, and its text encoder beside the transformer. */
  private static final Pattern OTHER_PARTS_OF_CLIP =
      Pattern.compile("vision_model\\..*|(visual|text)_projection\\.weight|logit_scale");

  private static final Logger LOG = LoggerFactory.getLogger(NetworkNames.class);

  /** How files before diffusers 0.12 spell the autoencoder's attention. */
  private static final Map<String, String> OLD_ATTENTION =
      Map.of(
          ".query.", ".to_q.", ".key.", ".to_k.", ".value.", ".to_v.", ".proj_attn.", ".to_out.0.");

  /** What single files carry beside the weights: averages, schedules, the state of training. */
  private static final Pattern IGNORED =
      Pattern.compile(
          "model_ema\\..*|betas|alphas_cumprod.*|sqrt_.*|log_one_minus_.*|posterior_.*|logvar"
              + "|lvlb_weights|scale_factor|global_step|epoch|first_stage_model\\.loss\\..*"
              + "|denoiser\\.sigmas|cond_stage_model\\..*(position_ids|logit_scale|attn_mask)");

  private final String stem;
  private final String prefix;

  NetworkNames(String stem, String prefix) {
    this.stem = stem;
    this.prefix = prefix;
  }

  /** {@return the beginning of the names of weight files in a folder} */
  public String stem() {
    return stem;
  }

  /**
   * Returns the mapping of the files of a folder.
   *
   * @param tensors names of all tensors there
   * @return the mapping
   */
  public TensorMapping inFolder(Set<String> tensors) {
    note(tensors, EXTRA);
    return TensorMapping.identity().ignoring(NetworkNames::isExtra);
  }

  private static boolean isExtra(String tensor) {
    return EXTRA.matcher(tensor).matches();
  }

  private static void note(Set<String> tensors, Pattern passedOver) {
    List<String> extras =
        tensors.stream()
            .filter(tensor -> isExtra(tensor) || passedOver.matcher(tensor).matches())
            .toList();
    if (!extras.isEmpty()) {
      LOG.info(
          "{} tensors that no network of the pipeline uses are passed over, such as {}",
          extras.size(),
          extras.get(0));
    }
  }

  /**
   * Returns the mapping of a single file that holds several networks.
   *
   * @param tensors names of all tensors of the file
   * @param weights names of the network's weights
   * @return the mapping, which passes over what belongs to other networks
   */
  public TensorMapping inSingleFile(Set<String> tensors, Set<String> weights) {
    Map<String, List<TensorPiece>> table = new HashMap<>();
    singleFile(tensors, weights).forEach((tensor, pieces) -> table.put(prefix + tensor, pieces));
    return TensorMapping.of(table)
        .ignoring(tensor ->
            !tensor.startsWith(prefix)
                || (!table.containsKey(tensor) && IGNORED.matcher(tensor).matches()));
  }

  /**
   * Tells whether a tensor of a single file belongs to no network but is known all the same.
   *
   * @param tensor name in the file
   * @return whether it can be passed over
   */
  public static boolean isIgnored(String tensor) {
    return IGNORED.matcher(tensor).matches();
  }

  /**
   * Tells whether a tensor of a single file belongs to the network.
   *
   * @param tensor name in the file
   * @return whether it has the network's prefix
   */
  public boolean owns(String tensor) {
    return tensor.startsWith(prefix);
  }

  /** The pieces of the tensors of a single file, by their names without the prefix. */
  abstract Map<String, List<TensorPiece>> singleFile(Set<String> tensors, Set<String> weights);

  private static Map<String, List<TensorPiece>> renamed(
      Set<String> weights, UnaryOperator<String> name) {
    Map<String, List<TensorPiece>> table = new TreeMap<>();
    for (String weight : weights) {
      table.put(name.apply(weight), List.of(TensorPiece.whole(weight)));
    }
    return table;
  }

  private static String modernAttention(String tensor) {
    if (!tensor.contains(".attentions.")) {
      return tensor;
    }
    String modern = tensor;
    for (Map.Entry<String, String> spelling : OLD_ATTENTION.entrySet()) {
      modern = modern.replace(spelling.getKey(), spelling.getValue());
    }
    return modern;
  }

  /** One more than the highest number in a place of the names. */
  static int count(Set<String> names, String pattern) {
    Pattern place = Pattern.compile(pattern);
    int count = 0;
    for (String name : names) {
      Matcher matcher = place.matcher(name);
      if (matcher.matches()) {
        count = Math.max(count, Integer.parseInt(matcher.group(1)) + 1);
      }
    }
    return count;
  }

  private static String ldmVae(String weight, int levels) {
    String name =
        weight
            .replace(".conv_norm_out.", ".norm_out.")
            .replace(".conv_shortcut.", ".nin_shortcut.")
            .replace(".mid_block.resnets.0.", ".mid.block_1.")
            .replace(".mid_block.resnets.1.", ".mid.block_2.")
            .replace(".mid_block.attentions.0.", ".mid.attn_1.")
            .replace(".downsamplers.0.conv.", ".downsample.conv.")
            .replace(".upsamplers.0.conv.", ".upsample.conv.")
            .replace(".resnets.", ".block.")
            .replace(".down_blocks.", ".down.");
    if (name.contains(".attn_1.")) {
      name =
          name.replace(".group_norm.", ".norm.")
              .replace(".to_q.", ".q.")
              .replace(".to_k.", ".k.")
              .replace(".to_v.", ".v.")
              .replace(".to_out.0.", ".proj_out.");
    }
    Matcher up = Pattern.compile("decoder\\.up_blocks\\.(\\d+)\\.(.*)").matcher(name);
    return up.matches()
        ? "decoder.up." + (levels - 1 - Integer.parseInt(up.group(1))) + "." + up.group(2)
        : name;
  }

  /** OpenCLIP keeps queries, keys and values in one tensor, and layers that are not used. */
  private static Map<String, List<TensorPiece>> openClip(Set<String> tensors, Set<String> weights) {
    Map<String, List<TensorPiece>> table = new TreeMap<>();
    for (String weight : weights) {
      OpenClip.add(weight, table);
    }
    int layers = count(weights, "text_model\\.encoder\\.layers\\.(\\d+)\\..*");
    Pattern block = Pattern.compile("model\\.transformer\\.resblocks\\.(\\d+)\\..*");
    for (String tensor : tensors) {
      String name =
          tensor.startsWith(CLIP_TEXT.prefix) ? tensor.substring(CLIP_TEXT.prefix.length()) : "";
      Matcher matcher = block.matcher(name);
      boolean unused = matcher.matches() && Integer.parseInt(matcher.group(1)) >= layers;
      if (unused || name.equals("model.text_projection")) {
        table.put(name, new ArrayList<>());
      }
    }
    return table;
  }
}
