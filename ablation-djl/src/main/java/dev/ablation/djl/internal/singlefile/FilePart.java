package dev.ablation.djl.internal.singlefile;

import dev.ablation.djl.internal.checkpoint.NetworkNames;
import dev.ablation.djl.internal.checkpoint.SingleFileLayout;
import dev.ablation.djl.internal.checkpoint.TensorMapping;
import dev.ablation.djl.internal.checkpoint.TensorPiece;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Where a file has the tensors of a network.
 *
 * @param prefix what their names begin with; empty for a file with one network
 * @param layout how they go on; {@code null} for the names that the network has in a folder
 */
public record FilePart(String prefix, @Nullable SingleFileLayout layout) {

  /**
   * What a file may call a network.
   *
   * @param prefix of the names
   * @param probe a name that the network has after the prefix
   * @param layout of the names after the prefix, or {@code null}
   */
  private record Place(String prefix, String probe, @Nullable SingleFileLayout layout) {}

  private static final String UNET = "model.diffusion_model.";

  private static final String CLIP_PROBE = "embeddings.token_embedding.weight";

  private static final String OPEN_CLIP_PROBE = "model.token_embedding.weight";

  /** The weights of a UNet, averaged over the steps of training, have names without dots. */
  private static final FilePart AVERAGED =
      new FilePart("model_ema.diffusion_model", FilePart::withoutDots);

  private static Map<String, List<TensorPiece>> withoutDots(
      Set<String> tensors, Set<String> weights) {
    Map<String, List<TensorPiece>> table = new TreeMap<>();
    SingleFileLayout.LDM_UNET
        .table(tensors, weights)
        .forEach((name, pieces) -> table.put(name.replace(".", ""), pieces));
    return table;
  }

  /** {@return the UNet's averaged weights} */
  public static FilePart averaged() {
    return AVERAGED;
  }

  /**
   * Finds a network in a file, by the name of its component in the pipelines that have it.
   *
   * @param component such as {@code "vae"}
   * @param names which kind of network it is
   * @param tensors names of all tensors of the file
   * @return the first place at which the file has it
   */
  public static Optional<FilePart> find(String component, NetworkNames names, Set<String> tensors) {
    for (Place place : places(component, names)) {
      if (tensors.contains(place.prefix() + place.probe())) {
        return Optional.of(new FilePart(place.prefix(), place.layout()));
      }
    }
    return Optional.empty();
  }

  private static List<Place> places(String component, NetworkNames names) {
    return switch (names) {
      case UNET ->
          List.of(
              new Place(UNET, "input_blocks.0.0.weight", SingleFileLayout.LDM_UNET),
              new Place("", "input_blocks.0.0.weight", SingleFileLayout.LDM_UNET),
              new Place("", "down_blocks.0.resnets.0.conv1.weight", null));
      case VAE -> {
        String ldm = "decoder.up.0.block.0.conv1.weight";
        String own = "decoder.up_blocks.0.resnets.0.conv1.weight";
        yield List.of(
            new Place("vae.", ldm, SingleFileLayout.LDM_VAE),
            new Place("vae.", own, null),
            new Place("first_stage_model.", ldm, SingleFileLayout.LDM_VAE),
            new Place("first_stage_model.", own, null),
            new Place("", ldm, SingleFileLayout.LDM_VAE),
            new Place("", own, null));
      }
      case TRANSFORMER -> {
        String sd3 = "joint_blocks.0.x_block.attn.qkv.weight";
        String flux = "double_blocks.0.img_attn.qkv.weight";
        yield List.of(
            new Place(UNET, sd3, FlowLayout.SD3),
            new Place("", sd3, FlowLayout.SD3),
            new Place(UNET, flux, FlowLayout.FLUX),
            new Place("", flux, FlowLayout.FLUX));
      }
      case T5 -> {
        String probe = "encoder.final_layer_norm.weight";
        yield List.of(
            new Place("text_encoders.t5xxl.transformer.", probe, null), new Place("", probe, null));
      }
      case CLIP_TEXT ->
          component.equals("text_encoder_2")
              ? List.of(
                  new Place(
                      "conditioner.embedders.1.", OPEN_CLIP_PROBE, SingleFileLayout.OPEN_CLIP),
                  new Place("text_encoders.clip_g.transformer.", "text_model." + CLIP_PROBE, null),
                  new Place("", "text_model." + CLIP_PROBE, null),
                  new Place("", CLIP_PROBE, null))
              : List.of(
                  new Place("cond_stage_model.", OPEN_CLIP_PROBE, SingleFileLayout.OPEN_CLIP),
                  new Place("cond_stage_model.transformer.", "text_model." + CLIP_PROBE, null),
                  new Place("cond_stage_model.transformer.", CLIP_PROBE, null),
                  new Place(
                      "conditioner.embedders.0.transformer.", "text_model." + CLIP_PROBE, null),
                  new Place("conditioner.embedders.0.transformer.", CLIP_PROBE, null),
                  new Place("text_encoders.clip_l.transformer.", "text_model." + CLIP_PROBE, null),
                  new Place("", "text_model." + CLIP_PROBE, null),
                  new Place("", CLIP_PROBE, null));
    };
  }

  /**
   * Tells whether a tensor belongs to the network.
   *
   * @param tensor name in the file
   * @return whether it has the prefix
   */
  public boolean owns(String tensor) {
    return tensor.startsWith(prefix);
  }

  /**
   * Returns how the tensors of the file become the weights of the network.
   *
   * @param names which kind of network it is
   * @param tensors names of all tensors of the file
   * @param weights names in the network
   * @param passedOver tensors that belong to another network or to none
   * @return the mapping
   */
  public TensorMapping mapping(
      NetworkNames names, Set<String> tensors, Set<String> weights, Predicate<String> passedOver) {
    Set<String> own =
        tensors.stream()
            .filter(tensor -> owns(tensor) && !passedOver.test(tensor))
            .map(tensor -> tensor.substring(prefix.length()))
            .collect(Collectors.toUnmodifiableSet());
    TensorMapping mapping =
        layout == null ? names.inFolder(own, weights) : table(layout.table(own, weights));
    return tensor ->
        owns(tensor) && own.contains(tensor.substring(prefix.length()))
            ? mapping.pieces(tensor.substring(prefix.length()))
            : List.of();
  }

  /** A tensor that is not in the table keeps its whole name, so that it is reported. */
  private TensorMapping table(Map<String, List<TensorPiece>> table) {
    Map<String, List<TensorPiece>> copy = new HashMap<>(table);
    return tensor -> copy.getOrDefault(tensor, List.of(TensorPiece.whole(prefix + tensor)));
  }
}
