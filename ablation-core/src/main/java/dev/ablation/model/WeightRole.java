package dev.ablation.model;

import dev.ablation.model.AttentionProjection.Attention;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.AttentionProjection.Stream;
import java.util.Optional;

/**
 * The role of a weight in the network; {@link WeightInfo#projection()} has the exact projection.
 */
public enum WeightRole {
  /** Query projection of an attention over the text. */
  CROSS_ATTENTION_QUERY,
  /** Key projection of the text: of cross-attention, or of the text stream of joint attention. */
  CROSS_ATTENTION_KEY,
  /** Value projection of the text: of cross-attention, or of the text stream of joint attention. */
  CROSS_ATTENTION_VALUE,
  /** Output projection of an attention over the text, its bias included. */
  CROSS_ATTENTION_OUTPUT,
  /** Any projection of an attention of the image with itself. */
  SELF_ATTENTION,
  /** Any projection of a joint attention of image and text but the text's keys and values. */
  JOINT_ATTENTION,
  /**
   * The projection of the text embeddings to the width of the network, in front of its blocks,
   * where there is one; published as {@code context_embedder}.
   */
  CONTEXT_EMBEDDER,
  /** Any other weight of the denoising network, such as a normalisation. */
  DENOISER,
  /** The table of token embeddings of a text encoder. */
  TOKEN_EMBEDDING,
  /** Any other weight of a text encoder. */
  TEXT_ENCODER,
  /** Any weight of an image encoder, such as CLIP's vision model. */
  IMAGE_ENCODER;

  /**
   * Returns the role of a projection in a denoising network.
   *
   * @param projection what its block declares
   * @return the role
   */
  public static WeightRole of(AttentionProjection projection) {
    Attention attention = projection.attention();
    if (attention == Attention.SELF && projection.projection() != Projection.OTHER) {
      return SELF_ATTENTION;
    }
    boolean cross = attention == Attention.CROSS;
    boolean ofText = projection.stream() == Stream.TEXT;
    return switch (projection.projection()) {
      case QUERY -> cross ? CROSS_ATTENTION_QUERY : JOINT_ATTENTION;
      case KEY -> ofText ? CROSS_ATTENTION_KEY : JOINT_ATTENTION;
      case VALUE -> ofText ? CROSS_ATTENTION_VALUE : JOINT_ATTENTION;
      case OUTPUT -> cross ? CROSS_ATTENTION_OUTPUT : JOINT_ATTENTION;
      case OTHER -> DENOISER;
    };
  }

  /** The projection that a role implies if the model declares none. */
  Optional<AttentionProjection> usualProjection() {
    return switch (this) {
      case CROSS_ATTENTION_QUERY -> Optional.of(AttentionProjection.cross(Projection.QUERY));
      case CROSS_ATTENTION_KEY -> Optional.of(AttentionProjection.cross(Projection.KEY));
      case CROSS_ATTENTION_VALUE -> Optional.of(AttentionProjection.cross(Projection.VALUE));
      case CROSS_ATTENTION_OUTPUT -> Optional.of(AttentionProjection.cross(Projection.OUTPUT));
      case SELF_ATTENTION -> Optional.of(AttentionProjection.self(Projection.OTHER, Stream.IMAGE));
      case JOINT_ATTENTION -> Optional.of(AttentionProjection.joint(Projection.OTHER, Stream.BOTH));
      case CONTEXT_EMBEDDER, DENOISER, TOKEN_EMBEDDING, TEXT_ENCODER, IMAGE_ENCODER ->
          Optional.empty();
    };
  }
}
