package dev.ablation.djl.internal.kernel;

/**
 * Whole blocks of a network as one kernel. A block calls some twenty operations; called one by one
 * from Java, on a small network the calls take longer than some of the operations. Operations and
 * their order are those of {@link Kernels}, so that results are the same to the bit.
 */
public final class BlockKernels {
  private static final String NORM =
      "torch.type_as(torch.%s(torch.to(%s, 6), %s, torch.to(%s, 6), torch.to(%s, 6), %s), %2$s)";

  private BlockKernels() {}

  /**
   * Residual block with SiLU: {@code (x, [t,] w...)}, the weights in the order of the block's
   * construction. See {@link dev.ablation.djl.nn.ResnetBlock2D}.
   *
   * @param groups of the normalisations
   * @param epsilon of the normalisations
   * @param time whether an embedding of the time is added
   * @param shortcut whether the input goes through a convolution
   * @param outputScale the sum is divided by this
   * @return the kernel
   */
  public static Kernel resnet(
      int groups, double epsilon, boolean time, boolean shortcut, double outputScale) {
    StringBuilder text = new StringBuilder("(x");
    text.append(time ? ", t" : "").append(", n1, m1, w1, b1").append(time ? ", tw, tb" : "");
    text.append(", n2, m2, w2, b2").append(shortcut ? ", sw, sb" : "").append("):\n");
    groupNormSilu(text, "x", "h0", groups, epsilon, "n1", "m1");
    line(text, "h1 = " + conv("h0", "w1", "b1", 1));
    if (time) {
      line(text, "e = " + linear("torch.silu(t)", "t", "tw", "tb"));
      line(text, "h2 = torch.add_(h1, torch.unsqueeze(torch.unsqueeze(e, -1), -1))");
    } else {
      line(text, "h2 = h1");
    }
    groupNormSilu(text, "h2", "h3", groups, epsilon, "n2", "m2");
    line(text, "h4 = " + conv("h3", "w2", "b2", 1));
    line(text, "s = torch.add_(h4, %s)".formatted(shortcut ? conv("x", "sw", "sb", 0) : "x"));
    text.append("    return ").append(outputScale == 1 ? "s" : "torch.div(s, " + outputScale + ")");
    return Kernel.of(text.toString());
  }

  /**
   * Self-attention, attention over the text and feed-forward with GEGLU, each after a layer
   * normalisation and added to its input: {@code (x, text, w...)}, the weights in the order of the
   * block's construction. See {@link Kernels#attention}, {@link Kernels#GEGLU}.
   *
   * @param width of a token
   * @param heads of both attentions
   * @param epsilon of the normalisations
   * @param stopFirst whether no gradient goes through key and value of the text's first token
   * @return the kernel
   */
  public static Kernel transformer(int width, int heads, double epsilon, boolean stopFirst) {
    StringBuilder text =
        new StringBuilder(
            "(x, text, n1, m1, q1, k1, v1, o1, p1, n2, m2, q2, k2, v2, o2, p2, n3, m3, w1, b1, w2, b2):\n");
    line(text, "a1 = " + layerNorm("x", width, epsilon, "n1", "m1"));
    attention(text, "a1", "a1", heads, 1, false);
    line(text, "y = torch.add_(s1, x)");
    line(text, "a2 = " + layerNorm("y", width, epsilon, "n2", "m2"));
    attention(text, "a2", "text", heads, 2, stopFirst);
    line(text, "z = torch.add_(s2, y)");
    line(text, "a3 = " + layerNorm("z", width, epsilon, "n3", "m3"));
    line(text, "v, g = torch.chunk(%s, 2, -1)".formatted(linear("a3", "a3", "w1", "b1")));
    line(text, "u = torch.gelu(g)");
    text.append(
        """
            if torch.is_grad_enabled():
              f = torch.mul(v, u)
            else:
              f = torch.mul_(u, v)
        """);
    text.append("    return torch.add_(%s, z)".formatted(linear("f", "f", "w2", "b2")));
    return Kernel.of(text.toString());
  }

  /**
   * What comes before the blocks of a transformer over pixels: group normalisation, projection,
   * tokens; {@code (x, n, m, w, b)} of (B, C, H, W) to (B, H*W, C).
   *
   * @param groups of the normalisation
   * @param epsilon of the normalisation
   * @param linear whether tokens are projected, or pixels by a convolution
   * @return the kernel
   */
  public static Kernel imageToTokens(int groups, double epsilon, boolean linear) {
    String norm = NORM.formatted("group_norm", "x", groups, "n", "m", epsilon);
    String tokens = "torch.transpose(torch.flatten(%s, 2), 1, 2)";
    return Kernel.of(
        "(x, n, m, w, b):\n    h = %s\n    return %s"
            .formatted(
                norm,
                linear
                    ? linear(tokens.formatted("h"), "x", "w", "b")
                    : tokens.formatted(conv("h", "w", "b", 0))));
  }

  /**
   * What comes after them: projection, image, sum; {@code (tokens, image, w, b)}. The sum has the
   * layout of the image: tokens seen as an image have their channels last, for which the
   * convolutions that follow would copy their weights in every call.
   *
   * @param linear whether tokens are projected, or pixels by a convolution
   * @return the kernel
   */
  public static Kernel tokensToImage(boolean linear) {
    return Kernel.of(
        "(t, i, w, b): return torch.add(i, %s)"
            .formatted(
                linear ? image(linear("t", "t", "w", "b")) : conv(image("t"), "w", "b", 0, "t")));
  }

  /** Tokens of as many channels as the image {@code i}, or as the projection takes. */
  private static String image(String tokens) {
    return "torch.reshape(torch.transpose(%s, 1, 2), [i.size(0), -1, i.size(2), i.size(3)])"
        .formatted(tokens);
  }

  private static void attention(
      StringBuilder text, String x, String context, int heads, int number, boolean stopFirst) {
    if (number == 1) {
      line(text, "b = x.size(0)");
      line(text, "n = x.size(1)");
    }
    line(text, "c%d = %s.size(1)".formatted(number, context));
    for (String each : new String[] {"q", "k", "v"}) {
      boolean query = each.equals("q");
      String projected = "%s%dp".formatted(each, number);
      String from = query ? x : context;
      line(
          text,
          projected
              + " = torch.linear(%s, torch.type_as(%s%d, %1$s))".formatted(from, each, number));
      line(
          text,
          "%sh%d = torch.transpose(torch.reshape(%s, [b, %s, %d, -1]), 1, 2)"
              .formatted(
                  each,
                  number,
                  stopFirst && !query ? withFirstStopped(projected) : projected,
                  query ? "n" : "c" + number,
                  heads));
    }
    line(
        text,
        "o = torch.scaled_dot_product_attention(qh%1$d, kh%1$d, vh%1$d, None, 0., False)"
            .formatted(number));
    line(text, "j%d = torch.reshape(torch.transpose(o, 1, 2), [b, n, -1])".formatted(number));
    line(
        text,
        "s%1$d = %2$s".formatted(number, linear("j" + number, "x", "o" + number, "p" + number)));
  }

  private static String withFirstStopped(String tokens) {
    return "torch.cat([torch.detach(torch.slice(%1$s, 1, 0, 1)), torch.slice(%1$s, 1, 1)], 1)"
        .formatted(tokens);
  }

  private static void groupNormSilu(
      StringBuilder text,
      String x,
      String result,
      int groups,
      double epsilon,
      String weight,
      String bias) {
    line(text, result + "n = " + NORM.formatted("group_norm", x, groups, weight, bias, epsilon));
    text.append(
        """
            if torch.is_grad_enabled():
              %1$s = torch.silu(%1$sn)
            else:
              %1$s = torch.silu_(%1$sn)
        """
            .formatted(result));
  }

  private static String layerNorm(String x, int width, double epsilon, String weight, String bias) {
    return NORM.formatted("layer_norm", x, "[" + width + "]", weight, bias, epsilon);
  }

  private static String conv(String x, String weight, String bias, int padding) {
    return conv(x, weight, bias, padding, x);
  }

  private static String conv(String x, String weight, String bias, int padding, String like) {
    return "torch.conv2d(%1$s, torch.type_as(%2$s, %5$s), torch.type_as(%3$s, %5$s), [1, 1], [%4$d, %4$d])"
        .formatted(x, weight, bias, padding, like);
  }

  private static String linear(String x, String like, String weight, String bias) {
    return "torch.linear(%s, torch.type_as(%3$s, %2$s), torch.type_as(%4$s, %2$s))"
        .formatted(x, like, weight, bias);
  }

  private static void line(StringBuilder text, String statement) {
    text.append("    ").append(statement).append('\n');
  }
}
