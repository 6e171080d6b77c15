package dev.ablation.djl.internal.checkpoint;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the networks of Stable Diffusion name their tensors in a folder of diffusers or transformers,
 * where the names are those of the modules. {@link SingleFileLayout} has those of single files.
 */
public enum NetworkNames {
  /** {@code UNet2DConditionModel}. */
  UNET(WeightFiles.DIFFUSERS_STEM),

  /** {@code AutoencoderKL}. */
  VAE(WeightFiles.DIFFUSERS_STEM) {
    @Override
    public TensorMapping inFolder(Set<String> tensors) {
      note(tensors, EXTRA);
      return TensorMapping.identity()
          .ignoring(NetworkNames::isExtra)
          .renaming(NetworkNames::modernAttention);
    }
  },

  /** {@code SD3Transformer2DModel}, {@code FluxTransformer2DModel}. */
  TRANSFORMER(WeightFiles.DIFFUSERS_STEM),

  /** {@code T5EncoderModel}: the token embedding comes under one of two names, or under both. */
  T5(WeightFiles.TRANSFORMERS_STEM) {
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
  },

  /** {@code CLIPTextModel}. */
  CLIP_TEXT(WeightFiles.TRANSFORMERS_STEM) {
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

  private final String stem;

  NetworkNames(String stem) {
    this.stem = stem;
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

  /**
   * Returns the mapping of the files of a folder to a network. What the network has under the
   * file's own name is never an extra, such as {@code text_projection.weight}.
   *
   * @param tensors names of all tensors there
   * @param weights names in the network
   * @return the mapping
   */
  public TensorMapping inFolder(Set<String> tensors, Set<String> weights) {
    TensorMapping mapping = inFolder(tensors);
    return tensor ->
        weights.contains(tensor) ? List.of(TensorPiece.whole(tensor)) : mapping.pieces(tensor);
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
}
