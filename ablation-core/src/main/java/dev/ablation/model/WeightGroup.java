package dev.ablation.model;

import com.google.errorprone.annotations.CheckReturnValue;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A named selection of weights for a run to train. The name is stored in provenance.
 *
 * {@snippet class="dev.ablation.Snippets" region="weight-group"}
 *
 * @param name name of the selection
 * @param test accepts the weights that belong to the group
 */
@CheckReturnValue
public record WeightGroup(String name, Predicate<WeightInfo> test) {
  /** Parts of diffusers' names of the blocks that hold transformers. */
  private static final Set<String> TRANSFORMERS =
      Set.of(".attentions.", ".transformer_blocks.", ".single_transformer_blocks.");

  /** Of diffusers' names of modules: {@code norm1}, {@code conv_norm_out}, {@code norm_q}. */
  private static final Pattern NORMALISATION = Pattern.compile("\\b\\w*norm\\w*\\.(weight|bias)$");

  /** Checks that nothing is null and the name not blank. */
  public WeightGroup {
    Objects.requireNonNull(test, "test");
    if (name.isBlank()) {
      throw new IllegalArgumentException("name of a weight group must not be blank");
    }
  }

  /**
   * Keys and values of the attention over the text: the paper's choice for styles and instances
   * (section 3.2, "Cross-Attention"). In a network with joint attention they are the projections of
   * the text stream.
   *
   * @return the group
   */
  public static WeightGroup crossAttentionKeyValue() {
    return ofRoles(
        "cross-attention-kv", WeightRole.CROSS_ATTENTION_KEY, WeightRole.CROSS_ATTENTION_VALUE);
  }

  /**
   * Every projection of the attention over the text, in UNets with the bias of its output; in a
   * network with joint attention only the text stream's keys and values are its own.
   *
   * @return the group
   */
  public static WeightGroup crossAttention() {
    return ofRoles(
        "cross-attention",
        WeightRole.CROSS_ATTENTION_QUERY,
        WeightRole.CROSS_ATTENTION_KEY,
        WeightRole.CROSS_ATTENTION_VALUE,
        WeightRole.CROSS_ATTENTION_OUTPUT);
  }

  /**
   * Every projection of every attention of the denoising network, self-attention included;
   * normalisations of queries and keys are not among them.
   *
   * @return the group
   */
  public static WeightGroup attention() {
    return ofRoles(
        "attention",
        WeightRole.CROSS_ATTENTION_QUERY,
        WeightRole.CROSS_ATTENTION_KEY,
        WeightRole.CROSS_ATTENTION_VALUE,
        WeightRole.CROSS_ATTENTION_OUTPUT,
        WeightRole.SELF_ATTENTION,
        WeightRole.JOINT_ATTENTION);
  }

  /**
   * The projection of the text embeddings in front of the blocks of a diffusion transformer, which
   * all of the text goes through; UNets have none. Joined with the keys and values: {@code
   * crossAttentionKeyValue().or(contextEmbedder())}.
   *
   * @return the group
   */
  public static WeightGroup contextEmbedder() {
    return ofRoles("context-embedder", WeightRole.CONTEXT_EMBEDDER);
  }

  /**
   * Every linear map and convolution within the transformers of a denoising network: in a UNet
   * those of its attention blocks ({@code Transformer2DModel} of diffusers: attentions,
   * feed-forward networks, the projections around them), elsewhere those of all blocks. Biases and
   * normalisations are not among them. SPM and LECO adapt these.
   *
   * @return the group
   */
  public static WeightGroup transformers() {
    return new WeightGroup(
        "transformers",
        info ->
            info.shape().dimension() > 1
                && TRANSFORMERS.stream().anyMatch(part -> info.name().contains(part))
                && denoiser().test.test(info));
  }

  /**
   * What ESD-u trains: linear maps and convolutions of the denoising network with their biases, but
   * not those of the attention over the text, and no normalisation.
   *
   * @return the group
   */
  public static WeightGroup outsideCrossAttention() {
    WeightGroup rest = denoiser().minus(crossAttention());
    return new WeightGroup(
        "outside-cross-attention",
        info -> rest.test.test(info) && !NORMALISATION.matcher(info.name()).find());
  }

  /**
   * The whole denoising network: the paper's choice for memorised images ("Full Weights").
   *
   * @return the group
   */
  public static WeightGroup denoiser() {
    Set<WeightRole> others =
        EnumSet.of(WeightRole.TOKEN_EMBEDDING, WeightRole.TEXT_ENCODER, WeightRole.IMAGE_ENCODER);
    return new WeightGroup("denoiser", info -> !others.contains(info.role()));
  }

  /**
   * The token embeddings of the target's own tokens: of the table only their rows change (Kumari et
   * al. 2023, section 3.2, "Embedding").
   *
   * @return the group
   */
  public static WeightGroup tokenEmbeddings() {
    return ofRoles("token-embeddings", WeightRole.TOKEN_EMBEDDING);
  }

  /**
   * The first layer of every text encoder, which {@link
   * dev.ablation.train.RepresentationMisdirection} trains. Whoever draws with the original text
   * encoder has the target back.
   *
   * @return the group
   */
  public static WeightGroup firstTextLayer() {
    return new WeightGroup(
        "first-text-layer",
        info -> info.role() == WeightRole.TEXT_ENCODER && info.layer().equals(OptionalInt.of(0)));
  }

  /**
   * The weights that have one of some roles.
   *
   * @param name of the group
   * @param first a role
   * @param others further roles
   * @return the group
   */
  public static WeightGroup ofRoles(String name, WeightRole first, WeightRole... others) {
    Set<WeightRole> roles = EnumSet.of(first, others);
    return new WeightGroup(name, info -> roles.contains(info.role()));
  }

  /**
   * The weights of some components, such as {@code "text_encoder_2"}.
   *
   * @param name of the group
   * @param first name of a component, see {@link WeightInfo#component()}
   * @param others names of further components
   * @return the group
   */
  public static WeightGroup ofComponents(String name, String first, String... others) {
    Set<String> components = new TreeSet<>(List.of(others));
    components.add(first);
    return new WeightGroup(name, info -> components.contains(info.component()));
  }

  /**
   * The weights of either group.
   *
   * @param other group
   * @return the union
   */
  public WeightGroup or(WeightGroup other) {
    return new WeightGroup(name + "|" + other.name, test.or(other.test));
  }

  /**
   * The weights of this group that are not in another.
   *
   * @param other group
   * @return the difference
   */
  public WeightGroup minus(WeightGroup other) {
    return new WeightGroup(name + "-" + other.name, test.and(other.test.negate()));
  }

  /**
   * Returns the chosen weights of a model.
   *
   * @param weights of the model
   * @return at least one weight, in the model's order
   * @throws IllegalArgumentException if the group matches nothing; the message lists the existing
   *     roles
   */
  public List<WeightInfo> select(Weights weights) {
    List<WeightInfo> chosen = weights.list().stream().filter(test).toList();
    if (chosen.isEmpty()) {
      String roles =
          weights.list().stream()
              .map(info -> info.role().name())
              .collect(Collectors.toCollection(TreeSet::new))
              .toString();
      throw new IllegalArgumentException(
          "weight group '%s' matches none of the model's %d weights; their roles are %s"
              .formatted(name, weights.list().size(), roles));
    }
    return chosen;
  }
}
