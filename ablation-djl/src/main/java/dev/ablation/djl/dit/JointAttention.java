package dev.ablation.djl.dit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Linear;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.nn.RmsNorm;
import dev.ablation.model.AttentionProjection;
import dev.ablation.model.AttentionProjection.Projection;
import dev.ablation.model.AttentionProjection.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Attention over the tokens of text and image together, each with projections of its own (Esser et
 * al. 2024, arXiv 2403.03206, figure 2b).
 *
 * <ul>
 *   <li>inputs: image tokens (B, N, C); text tokens (B, T, C); cosines and sines of the positions
 *       (T + N, width of a head), the text's first, where the network has rotary embeddings
 *   <li>outputs: (B, N, C) of the image; (B, T, C) of the text
 * </ul>
 */
public final class JointAttention extends Layer {
  private static final Kernel JOIN = Kernel.of("(text, image): return torch.cat([text, image], 1)");

  private static final Kernel SPLIT =
      Kernel.of(
          """
          (x, text):
              n = text.size(1)
              return (torch.slice(x, 1, n), torch.slice(x, 1, 0, n))\
          """);

  private final Projections image;
  private final Projections text;
  private final Linear toOut;
  private final @Nullable Linear toAddOut;
  private final HeadAttention attention;

  /**
   * Creates an attention.
   *
   * @param settings its size
   * @param contextPreOnly whether the text's output is not used, so that it is not projected
   */
  public JointAttention(AttentionSettings settings, boolean contextPreOnly) {
    image = stream(Stream.IMAGE, "to_q", "to_k", "to_v", "norm_q", "norm_k", settings);
    text =
        stream(
            Stream.TEXT,
            "add_q_proj",
            "add_k_proj",
            "add_v_proj",
            "norm_added_q",
            "norm_added_k",
            settings);
    toOut = projection("to_out.0", Projection.OUTPUT, Stream.IMAGE, settings);
    toAddOut =
        contextPreOnly ? null : projection("to_add_out", Projection.OUTPUT, Stream.TEXT, settings);
    attention = new HeadAttention(settings);
  }

  private Projections stream(
      Stream stream,
      String q,
      String k,
      String v,
      String normQ,
      String normK,
      AttentionSettings settings) {
    return new Projections(
        projection(q, Projection.QUERY, stream, settings),
        projection(k, Projection.KEY, stream, settings),
        projection(v, Projection.VALUE, stream, settings),
        settings.qkNorm() ? norm(normQ, stream, settings) : null,
        settings.qkNorm() ? norm(normK, stream, settings) : null);
  }

  private Linear projection(
      String name, Projection projection, Stream stream, AttentionSettings settings) {
    return child(
        name,
        new Linear(settings.width(), settings.width()),
        AttentionProjection.joint(projection, stream));
  }

  private RmsNorm norm(String name, Stream stream, AttentionSettings settings) {
    return child(
        name,
        new RmsNorm(settings.headWidth(), Condition.EPSILON),
        AttentionProjection.joint(Projection.OTHER, stream));
  }

  @Override
  protected void use(Precision precision) {
    attention.use(precision);
  }

  @Override
  protected NDList call(NDList in) {
    NDArray x = in.get(0);
    NDArray y = in.get(1);
    NDArray joined =
        attention.attend(
            join(text.query(y), image.query(x)),
            join(text.key(y), image.key(x)),
            join(text.value(y), image.value(x)),
            in.size() > 2 ? in.get(2) : null,
            in.size() > 2 ? in.get(3) : null);
    NDList parts = SPLIT.callAll(joined, y);
    return new NDList(
        toOut.apply(parts.get(0)), toAddOut == null ? parts.get(1) : toAddOut.apply(parts.get(1)));
  }

  private static NDArray join(NDArray text, NDArray image) {
    NDArray joined = JOIN.applyAndClose(text, image);
    image.close();
    return joined;
  }
}
