package dev.ablation.djl.internal.kernel;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;

/** The kernels that the networks are made of. Shapes are PyTorch's: images are (B, C, H, W). */
public final class Kernels {
  /** {@code (x)}: x * sigmoid(x). */
  public static final Kernel SILU = Kernel.of("(x): return torch.silu(x)");

  /** {@code (x)}: the exact GELU, with erf. */
  public static final Kernel GELU = Kernel.of("(x): return torch.gelu(x)");

  /** {@code (x)}: the GELU with tanh in place of erf (Hendrycks and Gimpel 2016, section 2). */
  public static final Kernel GELU_TANH =
      Kernel.of("(x): return torch.gelu(x, approximate=\"tanh\")");

  /** {@code (x)}: OpenAI's approximation, x * sigmoid(1.702 x). */
  public static final Kernel QUICK_GELU =
      Kernel.of("(x): return torch.mul(x, torch.sigmoid(torch.mul(x, 1.702)))");

  /** {@code (x)}: x * tanh(softplus(x)). */
  public static final Kernel MISH = Kernel.of("(x): return torch.mish(x)");

  /** {@code (x)}: max(x, 0). */
  public static final Kernel RELU = Kernel.of("(x): return torch.relu(x)");

  /**
   * {@code (x)} of shape (..., 2n): first half times GELU of the second half. Without gradients the
   * GELU's memory takes the product.
   */
  public static final Kernel GEGLU =
      Kernel.of("(x):\n" + Fragments.gegluInto("y", "x") + "    return y");

  /** {@code (x, w, b)}: x w^T + b, in the dtype of x. */
  public static final Kernel LINEAR =
      Kernel.of("(x, w, b): return " + Fragments.linear("x", "x", "w", "b"));

  /** {@code (x, w)}: x w^T, in the dtype of x. */
  public static final Kernel LINEAR_NO_BIAS =
      Kernel.of("(x, w): return " + Fragments.linear("x", "x", "w"));

  /** {@link #LINEAR} with factors and products in bfloat16; arguments and result are float32. */
  public static final Kernel LINEAR_IN_BFLOAT16 =
      Kernel.of(
          "(x, w, b): return torch.to(torch.linear(torch.to(x, 15), torch.to(w, 15), torch.to(b, 15)), 6)");

  /** {@link #LINEAR_NO_BIAS} with factors and products in bfloat16. */
  public static final Kernel LINEAR_NO_BIAS_IN_BFLOAT16 =
      Kernel.of("(x, w): return torch.to(torch.linear(torch.to(x, 15), torch.to(w, 15)), 6)");

  /** {@code (ids, table)}: rows of the table, as float32. */
  public static final Kernel EMBEDDING =
      Kernel.of("(ids, w): return torch.to(torch.embedding(w, ids), 6)");

  /** {@code (x, like)}: nearest-neighbour upsampling to the height and width of {@code like}. */
  public static final Kernel UPSAMPLE_LIKE =
      Kernel.of("(x, like): return torch.upsample_nearest2d(x, [like.size(2), like.size(3)])");

  /** {@code (x)}: nearest-neighbour upsampling by 2. */
  public static final Kernel UPSAMPLE_2X =
      Kernel.of("(x): return torch.upsample_nearest2d(x, [x.size(2) * 2, x.size(3) * 2])");

  /** {@code (x)}: one row of zeros below and one column of zeros at the right. */
  public static final Kernel PAD_RIGHT_BOTTOM =
      Kernel.of("(x): return torch.constant_pad_nd(x, [0, 1, 0, 1], 0)");

  /** {@code (x, skip)}: concatenation along the channels. */
  public static final Kernel CONCAT_CHANNELS = Kernel.of("(x, s): return torch.cat([x, s], 1)");

  /** {@code (x, t)}: adds a vector for every image to all its pixels, in place. */
  public static final Kernel ADD_TO_PIXELS =
      Kernel.of("(x, t): return " + Fragments.addToPixels("x", "t"));

  /**
   * {@code (x, y)}: adds y to x in place. Right for what a convolution or a linear map just made:
   * their gradients do not need it.
   */
  public static final Kernel ADD_TO = Kernel.of("(x, y): return torch.add_(x, y)");

  /** {@code (x)}: (B, C, H, W) to tokens (B, H*W, C). */
  public static final Kernel TO_TOKENS = Kernel.of("(x): return " + Fragments.tokens("x"));

  /** {@code (tokens, like)}: (B, H*W, C) to the height and width of {@code like}. */
  public static final Kernel TO_IMAGE =
      Kernel.of("(t, like): return " + Fragments.image("t", "like"));

  /** {@code (x)} of shape (B, T, D): values unchanged, no gradient through the first position. */
  public static final Kernel STOP_FIRST_TOKEN =
      Kernel.of("(x): return " + Fragments.withFirstStopped("x"));

  /** {@code (y, xs)}: gradients of the scalar y. */
  public static final Kernel GRADIENTS =
      Kernel.of("(y, xs: List[Tensor]): return torch.grad([y], xs)");

  /**
   * {@code (y, xs)}: gradients of the scalar y, zeros for an x that it does not depend on; no
   * result if it depends on none.
   */
  public static final Kernel GRADIENTS_OR_ZEROS =
      Kernel.of(
          """
          (y, xs: List[Tensor]):
              found = torch.grad([y], xs, None, None, False, True)
              all = annotate(List[Tensor], [])
              used = 0
              for i in range(len(xs)):
                  gradient = found[i]
                  if gradient is None:
                      all.append(torch.zeros_like(xs[i]))
                  else:
                      all.append(gradient)
                      used = used + 1
              if used == 0:
                  all = annotate(List[Tensor], [])
              return all\
          """);

  /** {@code (like, xs, ys)}: adds every y to its x in place; returns {@code like}. */
  public static final Kernel ADD_ALL_TO =
      Kernel.of(
          """
          (like, xs: List[Tensor], ys: List[Tensor]):
              torch._foreach_add_(xs, ys)
              return like\
          """);

  /** {@code (x)}: another handle of the same tensor, weight or not. */
  public static final Kernel SAME = Kernel.of("(x): return x");

  /** {@code (x)}: as float32. */
  public static final Kernel TO_FLOAT32 = Kernel.of("(x): return torch.to(x, 6)");

  /**
   * {@code (x)}: as bfloat16. The engine's arrays know no such type and call it unknown; kernels
   * compute with it, but it must not get to Java values.
   */
  public static final Kernel ROUND_TO_BFLOAT16 = Kernel.of("(x): return torch.to(x, 15)");

  /**
   * {@code (x)}: bytes (2n), int8, seen as bfloat16 (n), without a copy. (No view of another type
   * is among the operators of TorchScript, and creating an array of type bfloat16 aborts the JVM.)
   */
  public static final Kernel AS_BFLOAT16 =
      Kernel.of(
          """
          (x):
              y = torch.empty([0], dtype=15, layout=None, device=x.device, pin_memory=None, memory_format=None)
              return torch.set_(y, x, 0, [x.size(0) // 2], [1])\
          """);

  /** {@code (x)}: whether all numbers are finite. */
  public static final Kernel ALL_FINITE = Kernel.of("(x): return torch.all(torch.isfinite(x))");

  /** {@code (x)}: rounded to float16, to nearest even. */
  public static final Kernel TO_FLOAT16 = Kernel.of("(x): return torch.to(x, 5)");

  /** {@code (x)}: rounded to bfloat16, to nearest even, and seen as bytes (2n), int8. */
  public static final Kernel TO_BFLOAT16 =
      Kernel.of("(x): return torch.view_copy(torch.reshape(torch.to(x, 15), [-1]), 1)");

  private static final Kernel REQUIRES_GRADIENT =
      Kernel.of(
          "(x): return torch.scalar_tensor(int(x.requires_grad), dtype=6, layout=None, device=None, pin_memory=None)");

  private static final Kernel COPY = Kernel.of("(to, from): return torch.copy_(to, from)");

  private Kernels() {}

  /**
   * Returns {@code (x)}: x / divisor. (DJL's own {@code x.div(number)} frees the number, which the
   * backward pass still reads.)
   *
   * @param divisor not 0
   * @return the kernel
   */
  public static Kernel divide(double divisor) {
    return Kernel.of("(x): return torch.div(x, %s)".formatted(divisor));
  }

  /**
   * Returns whether gradients flow to an array, or through it. (DJL's own {@code hasGradient} is
   * false for what was computed.)
   *
   * @param array any
   * @return whether it is a variable or depends on one by recorded operations
   */
  public static boolean requiresGradient(NDArray array) {
    try (NDArray answer = REQUIRES_GRADIENT.call(array)) {
      return answer.getFloat() != 0;
    }
  }

  /**
   * Returns {@code (x)}: on a device. (DJL's own {@code toDevice} cannot move bfloat16.)
   *
   * @param device CPU or GPU
   * @return the kernel
   */
  public static Kernel toDevice(Device device) {
    String name = device.isGpu() ? "cuda:" + device.getDeviceId() : device.getDeviceType();
    return Kernel.of("(x): return torch.to(x, torch.device(\"%s\"))".formatted(name));
  }

  /**
   * Copies values into an array in place. (DJL's own {@code copyTo} goes through the heap and
   * leaves the array on memory of a Java buffer.)
   *
   * @param from any device
   * @param to of the same shape
   */
  public static void copy(NDArray from, NDArray to) {
    GradMode.with(
        false,
        () -> {
          COPY.call(to, from).close();
          return to;
        });
  }

  /**
   * Convolution {@code (x, w, b)}, in the dtype of x.
   *
   * @param stride in both directions
   * @param padding zeros on every side
   * @return the kernel
   */
  public static Kernel conv2d(int stride, int padding) {
    return Kernel.of("(x, w, b): return " + Fragments.conv2d("x", "x", "w", "b", stride, padding));
  }

  /**
   * Returns {@code (y, x, A, B)}: y + scale (x A^T) B^T, in place of y, which a linear map just
   * made: its gradients do not need it.
   *
   * @param scale any number
   * @return the kernel
   */
  public static Kernel addLowRankLinear(double scale) {
    String product = Fragments.linear(Fragments.linear("x", "x", "a"), "x", "b");
    return Kernel.of("(y, x, a, b): return torch.add_(y, %s, alpha=%s)".formatted(product, scale));
  }

  /**
   * Returns {@code (y, x, A, B)}: y plus scale times the convolution of x with A and then with B of
   * size 1, in place of y, which a convolution just made.
   *
   * @param stride of the convolution with A
   * @param padding of the convolution with A
   * @param scale any number
   * @return the kernel
   */
  public static Kernel addLowRankConv2d(int stride, int padding, double scale) {
    return Kernel.of(
        """
        (y, x, a, b):
            h = torch.conv2d(x, torch.type_as(a, x), None, [%1$d, %1$d], [%2$d, %2$d])
            return torch.add_(y, torch.conv2d(h, torch.type_as(b, x)), alpha=%3$s)\
        """
            .formatted(stride, padding, scale));
  }

  /**
   * Convolution {@code (x, w, b)} with factors and products in bfloat16; arguments and result are
   * float32.
   *
   * @param stride in both directions
   * @param padding zeros on every side
   * @return the kernel
   */
  public static Kernel conv2dInBfloat16(int stride, int padding) {
    return Kernel.of(
        """
        (x, w, b):
            y = torch.conv2d(torch.to(x, 15), torch.to(w, 15), torch.to(b, 15), [%1$d, %1$d], [%2$d, %2$d])
            return torch.to(y, 6)\
        """
            .formatted(stride, padding));
  }

  /**
   * Group normalisation {@code (x, w, b)} (Wu and He 2018, arXiv 1803.08494), computed in float32;
   * the result has the dtype of x.
   *
   * @param groups of channels
   * @param epsilon added to the variance
   * @return the kernel
   */
  public static Kernel groupNorm(int groups, double epsilon) {
    return Kernel.of("(x, w, b): return " + Fragments.groupNorm("x", groups, "w", "b", epsilon));
  }

  /**
   * Group normalisation followed by SiLU, in place where no gradient is recorded.
   *
   * @param groups of channels
   * @param epsilon added to the variance
   * @return the kernel {@code (x, w, b)}
   */
  public static Kernel groupNormSilu(int groups, double epsilon) {
    return Kernel.of(
        "(x, w, b):\n    y = %s\n%s    return z"
            .formatted(
                Fragments.groupNorm("x", groups, "w", "b", epsilon), Fragments.siluInto("z", "y")));
  }

  /**
   * Layer normalisation {@code (x, w, b)} over the last axis, computed in float32; the result has
   * the dtype of x.
   *
   * @param width of the last axis
   * @param epsilon added to the variance
   * @return the kernel
   */
  public static Kernel layerNorm(long width, double epsilon) {
    return Kernel.of("(x, w, b): return " + Fragments.layerNorm("x", width, "w", "b", epsilon));
  }

  /**
   * Scaled dot-product attention {@code (q, k, v)} over tokens, (B, N, C) with C = heads * width of
   * a head (Vaswani et al. 2017, equation 1).
   *
   * @param heads number of heads
   * @param causal whether a token sees only itself and the ones before it
   * @return the kernel
   */
  public static Kernel attention(int heads, boolean causal) {
    return Kernel.of(
        """
        (q, k, v):
            b = q.size(0)
            n = q.size(1)
            q1 = %s
            k1 = %s
            v1 = %s
            o = %s
            return %s\
        """
            .formatted(
                Fragments.heads("q", "n", heads),
                Fragments.heads("k", "k.size(1)", heads),
                Fragments.heads("v", "v.size(1)", heads),
                Fragments.attention("q1", "k1", "v1", causal),
                Fragments.joined("o")));
  }

  /**
   * {@link #attention} in bfloat16; arguments and result are float32. Up to 512 tokens by plain
   * matrix products, whose gradient is faster with narrow heads; above by the fused operator, which
   * makes no matrix of all pairs of tokens.
   *
   * @param heads number of heads
   * @param headWidth width of a head
   * @return the kernel, not causal
   */
  public static Kernel attentionInBfloat16(int heads, int headWidth) {
    return Kernel.of(
        """
        (q, k, v):
            b = q.size(0)
            n = q.size(1)
            m = k.size(1)
            q1 = torch.reshape(torch.transpose(torch.reshape(torch.to(torch.mul(q, %3$s), 15), [b, n, %1$d, %2$d]), 1, 2), [b * %1$d, n, %2$d])
            k1 = torch.reshape(torch.transpose(torch.reshape(torch.to(k, 15), [b, m, %1$d, %2$d]), 1, 2), [b * %1$d, m, %2$d])
            v1 = torch.reshape(torch.transpose(torch.reshape(torch.to(v, 15), [b, m, %1$d, %2$d]), 1, 2), [b * %1$d, m, %2$d])
            if n <= 512:
              p = torch.softmax(torch.bmm(q1, torch.transpose(k1, 1, 2)), -1)
              a = torch.reshape(torch.bmm(p, v1), [b, %1$d, n, %2$d])
            else:
              q2 = torch.reshape(q1, [b, %1$d, n, %2$d])
              k2 = torch.reshape(k1, [b, %1$d, m, %2$d])
              v2 = torch.reshape(v1, [b, %1$d, m, %2$d])
              a = torch.scaled_dot_product_attention(q2, k2, v2, None, 0., False, scale=1.)
            o = torch.transpose(a, 1, 2)
            return torch.to(torch.reshape(o, [b, n, %1$d * %2$d]), 6)\
        """
            .formatted(heads, headWidth, 1 / Math.sqrt(headWidth)));
  }

  /**
   * Sinusoidal features {@code (t)} of timesteps (B) to (B, width) (Vaswani et al. 2017, section
   * 3.5).
   *
   * @param width even
   * @param flipSinToCos cosines first
   * @param freqShift subtracted from the number of frequencies in the exponent
   * @return the kernel
   */
  public static Kernel timeFeatures(int width, boolean flipSinToCos, double freqShift) {
    int half = width / 2;
    return Kernel.of(
        """
        (t):
            f = torch.exp(torch.mul(torch.arange(%d, dtype=6, layout=None, device=t.device, pin_memory=False), %s))
            a = torch.mul(torch.unsqueeze(torch.to(t, 6), 1), torch.unsqueeze(f, 0))
            return torch.cat([%s], -1)\
        """
            .formatted(
                half,
                -Math.log(10000) / (half - freqShift),
                flipSinToCos ? "torch.cos(a), torch.sin(a)" : "torch.sin(a), torch.cos(a)"));
  }
}
