package dev.ablation.model;

/** The part that a weight plays in the network. */
public enum WeightRole {
  /** Query projection of an attention over the text. */
  CROSS_ATTENTION_QUERY,
  /** Key projection of an attention over the text. */
  CROSS_ATTENTION_KEY,
  /** Value projection of an attention over the text. */
  CROSS_ATTENTION_VALUE,
  /** Output projection of an attention over the text, its bias included. */
  CROSS_ATTENTION_OUTPUT,
  /** Any projection of an attention of the image with itself. */
  SELF_ATTENTION,
  /** Any other weight of the denoising network. */
  DENOISER,
  /** The table of token embeddings of a text encoder. */
  TOKEN_EMBEDDING,
  /** Any other weight of a text encoder. */
  TEXT_ENCODER,
  /** Any weight of a network that looks at images, such as CLIP's vision model. */
  IMAGE_ENCODER
}
