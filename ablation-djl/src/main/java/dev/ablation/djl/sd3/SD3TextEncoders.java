package dev.ablation.djl.sd3;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.t5.T5TextEncoder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The text encoders of Stable Diffusion 3: two CLIP models and T5, which may be absent (Esser et
 * al. 2024, arXiv 2403.03206, section 5.3.2 and figure 9).
 *
 * @param first CLIP-L, with projection
 * @param second CLIP-G, with projection
 * @param third T5; where it is absent its embeddings are zeros
 * @param width D, the width of a text embedding of the transformer
 */
public record SD3TextEncoders(
    ClipTextEncoder first, ClipTextEncoder second, @Nullable T5TextEncoder third, int width) {

  private static final Kernel JOIN =
      Kernel.of(
          """
          (a, b, t):
              c = torch.cat([a, b], 2)
              p = torch.constant_pad_nd(c, [0, t.size(2) - c.size(2)], 0)
              return torch.cat([p, t], 1)\
          """);

  private static final Kernel JOIN_POOLED = Kernel.of("(a, b): return torch.cat([a, b], 1)");

  /** Checks that the widths fit. */
  public SD3TextEncoders {
    int clip = first.model().config().hiddenSize() + second.model().config().hiddenSize();
    if (clip > width) {
      throw new IllegalArgumentException(
          "joint_attention_dim of the transformer (%d) must be at least hidden_size of both CLIP"
                  .formatted(width)
              + " text encoders together ("
              + clip
              + ")");
    }
    if (third != null && third.model().config().width() != width) {
      throw new IllegalArgumentException(
          "joint_attention_dim of the transformer (%d) must be d_model of T5 (%d)"
              .formatted(width, third.model().config().width()));
    }
  }

  /**
   * The texts that each encoder reads.
   *
   * @param first n prompts of CLIP-L
   * @param second n prompts of CLIP-G
   * @param third n prompts of T5
   */
  public record Prompts(List<String> first, List<String> second, List<String> third) {
    /** Copies the lists and checks that they are of one length, at least 1. */
    public Prompts {
      first = List.copyOf(first);
      second = List.copyOf(second);
      third = List.copyOf(third);
      if (first.isEmpty() || second.size() != first.size() || third.size() != first.size()) {
        throw new IllegalArgumentException(
            "every encoder must have as many prompts, at least one; were %d, %d and %d"
                .formatted(first.size(), second.size(), third.size()));
      }
    }

    /**
     * The same texts for all encoders.
     *
     * @param prompts n prompts, at least one
     * @return the prompts
     */
    public static Prompts of(List<String> prompts) {
      return new Prompts(prompts, prompts, prompts);
    }
  }

  /**
   * Encodes prompts. Gradients are recorded where the caller asks for them.
   *
   * @param prompts n prompts for each encoder
   * @param clipSkip see {@link ClipTextEncoder#encode}
   * @param t5Length tokens of T5, or zeros in their place
   * @param owner of the results, on the models' device
   * @return text embeddings (n, T + t5Length, D); pooled text embeddings (n, P)
   */
  public NDList encode(Prompts prompts, int clipSkip, int t5Length, NDManager owner) {
    try (NDList a = first.encode(prompts.first(), clipSkip, owner);
        NDList b = second.encode(prompts.second(), clipSkip, owner);
        NDArray t =
            third == null
                ? owner.zeros(new Shape(prompts.first().size(), t5Length, width))
                : third.encode(prompts.third(), t5Length, owner)) {
      return new NDList(joined(a.get(0), b.get(0), t), JOIN_POOLED.call(a.get(1), b.get(1)));
    }
  }

  /**
   * Tells which encoder does not see all of a prompt.
   *
   * @param prompt any text
   * @return the end that it does not see, as it was written, by the encoder's name in a pipeline;
   *     empty if all see all
   */
  public Map<String, String> cut(String prompt) {
    Map<String, String> ends = new LinkedHashMap<>();
    ends.put("text_encoder", first.tokenizer().cut(prompt));
    ends.put("text_encoder_2", second.tokenizer().cut(prompt));
    if (third != null) {
      ends.put("text_encoder_3", third.tokenizer().cut(prompt));
    }
    ends.values().removeIf(String::isEmpty);
    return ends;
  }

  /**
   * Joins the encoders' outputs: those of CLIP side by side, filled with zeros to the width of T5,
   * then those of T5 as further tokens.
   *
   * @param first hidden states of CLIP-L (n, T, d)
   * @param second hidden states of CLIP-G (n, T, e)
   * @param third text embeddings of T5 (n, m, D), D at least d + e
   * @return (n, T + m, D)
   */
  public static NDArray joined(NDArray first, NDArray second, NDArray third) {
    return JOIN.call(first, second, third);
  }
}
