package dev.ablation.model;

import java.util.Objects;

/**
 * Which projection of which attention a weight belongs to. A network's blocks declare it, so that
 * {@linkplain WeightGroup groups} need no naming scheme.
 *
 * <p>The key and value projections that read the text are {@code (CROSS, KEY, TEXT)} and {@code
 * (CROSS, VALUE, TEXT)} in a UNet ({@code attn2.to_k}, {@code attn2.to_v}), and {@code (JOINT, KEY,
 * TEXT)} and {@code (JOINT, VALUE, TEXT)} in a transformer with joint attention (Esser et al. 2024,
 * arXiv 2403.03206, section 4; {@code attn.add_k_proj}, {@code attn.add_v_proj}). A second
 * attention of such a transformer that only the image tokens take part in is {@code SELF}, whatever
 * its name.
 *
 * @param attention who attends to whom
 * @param projection which map
 * @param stream the tokens that the map is applied to
 */
public record AttentionProjection(Attention attention, Projection projection, Stream stream) {

  /** Who attends to whom. */
  public enum Attention {
    /** Tokens attend to tokens of their own kind. */
    SELF,
    /** Image tokens attend to the text. */
    CROSS,
    /** Image and text tokens attend to all of both, with projections of their own. */
    JOINT
  }

  /** The maps of an attention. */
  public enum Projection {
    /** To queries. */
    QUERY,
    /** To keys. */
    KEY,
    /** To values. */
    VALUE,
    /** From the weighted values back to the tokens, its bias included. */
    OUTPUT,
    /** Anything else, such as a normalisation of queries or keys. */
    OTHER
  }

  /** The tokens that a map is applied to. */
  public enum Stream {
    /** Image tokens. */
    IMAGE,
    /** Text tokens. */
    TEXT,
    /** Text and image tokens as one sequence, as in FLUX's single-stream blocks. */
    BOTH
  }

  /** Checks that nothing is null. */
  public AttentionProjection {
    Objects.requireNonNull(attention, "attention");
    Objects.requireNonNull(projection, "projection");
    Objects.requireNonNull(stream, "stream");
  }

  /**
   * Returns a projection of an attention of tokens to their own kind.
   *
   * @param projection which map
   * @param stream whose tokens
   * @return the projection
   */
  public static AttentionProjection self(Projection projection, Stream stream) {
    return new AttentionProjection(Attention.SELF, projection, stream);
  }

  /**
   * Returns a projection of an attention of image tokens to the text: keys and values are of the
   * text, everything else of the image.
   *
   * @param projection which map
   * @return the projection
   */
  public static AttentionProjection cross(Projection projection) {
    boolean ofText = projection == Projection.KEY || projection == Projection.VALUE;
    return new AttentionProjection(
        Attention.CROSS, projection, ofText ? Stream.TEXT : Stream.IMAGE);
  }

  /**
   * Returns a projection of a joint attention of image and text.
   *
   * @param projection which map
   * @param stream whose tokens
   * @return the projection
   */
  public static AttentionProjection joint(Projection projection, Stream stream) {
    return new AttentionProjection(Attention.JOINT, projection, stream);
  }
}
