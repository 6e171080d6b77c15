package dev.ablation.djl.internal.kernel;

/**
 * Whole blocks of a network as one kernel. A block calls some twenty operations; called one by one
 * from Java, on a small network the calls take longer than some of the operations. They are made of
 * the same {@link Fragments} as those of {@link Kernels}, so that results are the same to the bit.
 */
public final class BlockKernels {
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
      line(text, "e = " + Fragments.linear("torch.silu(t)", "t", "tw", "tb"));
      line(text, "h2 = " + Fragments.addToPixels("h1", "e"));
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
    line(text, "a1 = " + Fragments.layerNorm("x", width, "n1", "m1", epsilon));
    attention(text, "a1", "a1", heads, 1, false);
    line(text, "y = torch.add_(s1, x)");
    line(text, "a2 = " + Fragments.layerNorm("y", width, "n2", "m2", epsilon));
    attention(text, "a2", "text", heads, 2, stopFirst);
    line(text, "z = torch.add_(s2, y)");
    line(text, "a3 = " + Fragments.layerNorm("z", width, "n3", "m3", epsilon));
    text.append(Fragments.gegluInto("f", Fragments.linear("a3", "a3", "w1", "b1")));
    text.append("    return torch.add_(%s, z)".formatted(Fragments.linear("f", "f", "w2", "b2")));
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
    return Kernel.of(
        "(x, n, m, w, b):\n    h = %s\n    return %s"
            .formatted(
                Fragments.groupNorm("x", groups, "n", "m", epsilon),
                linear
                    ? Fragments.linear(Fragments.tokens("h"), "x", "w", "b")
                    : Fragments.tokens(conv("h", "w", "b", 0))));
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
                linear
                    ? Fragments.image(Fragments.linear("t", "t", "w", "b"), "i")
                    : Fragments.conv2d(Fragments.image("t", "i"), "t", "w", "b", 1, 0)));
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
      line(text, projected + " = " + Fragments.linear(from, from, each + number));
      line(
          text,
          "%sh%d = %s"
              .formatted(
                  each,
                  number,
                  Fragments.heads(
                      stopFirst && !query ? Fragments.withFirstStopped(projected) : projected,
                      query ? "n" : "c" + number,
                      heads)));
    }
    line(text, "o = " + Fragments.attention("qh" + number, "kh" + number, "vh" + number, false));
    line(text, "j%d = %s".formatted(number, Fragments.joined("o")));
    line(
        text,
        "s%d = %s"
            .formatted(number, Fragments.linear("j" + number, "x", "o" + number, "p" + number)));
  }

  private static void groupNormSilu(
      StringBuilder text,
      String x,
      String result,
      int groups,
      double epsilon,
      String weight,
      String bias) {
    line(text, result + "n = " + Fragments.groupNorm(x, groups, weight, bias, epsilon));
    text.append(Fragments.siluInto(result, result + "n"));
  }

  private static String conv(String x, String weight, String bias, int padding) {
    return Fragments.conv2d(x, x, weight, bias, 1, padding);
  }

  private static void line(StringBuilder text, String statement) {
    text.append("    ").append(statement).append('\n');
  }
}
