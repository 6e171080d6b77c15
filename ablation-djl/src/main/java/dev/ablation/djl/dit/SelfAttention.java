package dev.ablation.djl.dit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.nn.RmsNorm;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.AttentionProjection.Stream;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Attention of tokens over themselves.
 *
 * <ul>
 *   <li>inputs: tokens (B, N, C); cosines and sines of their positions (N, width of a head), where
 *       the network has rotary embeddings
 *   <li>output: (B, N, C)
 * </ul>
 */
public final class SelfAttention extends Layer {
  private final Projections projections;
  private final @Nullable Linear toOut;
  private final HeadAttention attention;

  private SelfAttention(
      AttentionSettings settings,
      boolean withOutput,
      Function<Projection, AttentionProjection> role) {
    RmsNorm normQ = settings.qkNorm() ? norm("norm_q", settings, role) : null;
    RmsNorm normK = settings.qkNorm() ? norm("norm_k", settings, role) : null;
    projections =
        new Projections(
            projection("to_q", settings, role.apply(Projection.QUERY)),
            projection("to_k", settings, role.apply(Projection.KEY)),
            projection("to_v", settings, role.apply(Projection.VALUE)),
            normQ,
            normK);
    toOut = withOutput ? projection("to_out.0", settings, role.apply(Projection.OUTPUT)) : null;
    attention = new HeadAttention(settings);
  }

  /**
   * Creates an attention of the image tokens, with an output projection.
   *
   * @param settings its size
   * @return the attention
   */
  public static SelfAttention ofImage(AttentionSettings settings) {
    return new SelfAttention(
        settings, true, projection -> AttentionProjection.self(projection, Stream.IMAGE));
  }

  /**
   * Creates an attention of the tokens of text and image as one sequence, without an output
   * projection.
   *
   * @param settings its size
   * @return the attention
   */
  public static SelfAttention ofBoth(AttentionSettings settings) {
    return new SelfAttention(
        settings, false, projection -> AttentionProjection.joint(projection, Stream.BOTH));
  }

  private Linear projection(
      String name, AttentionSettings settings, AttentionProjection projection) {
    return child(name, new Linear(settings.width(), settings.width()), projection);
  }

  private RmsNorm norm(
      String name, AttentionSettings settings, Function<Projection, AttentionProjection> role) {
    return child(
        name, new RmsNorm(settings.headWidth(), Condition.EPSILON), role.apply(Projection.OTHER));
  }

  @Override
  protected void use(Precision precision) {
    attention.use(precision);
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = in.get(0);
    NDArray out =
        attention.attend(
            projections.query(x),
            projections.key(x),
            projections.value(x),
            in.size() > 1 ? in.get(1) : null,
            in.size() > 1 ? in.get(2) : null);
    return new NDList(toOut == null ? out : toOut.applyAndClose(out));
  }
}
