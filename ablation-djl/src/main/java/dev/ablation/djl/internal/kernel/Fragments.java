package dev.ablation.djl.internal.kernel;

/**
 * TorchScript of which kernels are made, single ones and whole blocks alike, so that both compute
 * the same to the bit. Each method returns an expression, or indented statements that end with a
 * line feed; its arguments are expressions.
 */
final class Fragments {
  private Fragments() {}

  /** Group normalisation, computed in float32, in the dtype of x. */
  static String groupNorm(String x, int groups, String weight, String bias, double epsilon) {
    return norm("group_norm", x, Integer.toString(groups), weight, bias, epsilon);
  }

  /** Layer normalisation over the last axis, computed in float32, in the dtype of x. */
  static String layerNorm(String x, long width, String weight, String bias, double epsilon) {
    return norm("layer_norm", x, "[" + width + "]", weight, bias, epsilon);
  }

  private static String norm(
      String name, String x, String over, String weight, String bias, double epsilon) {
    return "torch.type_as(torch.%s(torch.to(%s, 6), %s, torch.to(%s, 6), torch.to(%s, 6), %s), %2$s)"
        .formatted(name, x, over, weight, bias, epsilon);
  }

  /** SiLU of a variable, into another one; it takes its memory where no gradient is recorded. */
  static String siluInto(String result, String x) {
    return """
        if torch.is_grad_enabled():
          %1$s = torch.silu(%2$s)
        else:
          %1$s = torch.silu_(%2$s)
    """
        .formatted(result, x);
  }

  /** GEGLU of an expression, into a variable; {@code v}, {@code g} and {@code u} are used. */
  static String gegluInto(String result, String x) {
    return """
        v, g = torch.chunk(%2$s, 2, -1)
        u = torch.gelu(g)
        if torch.is_grad_enabled():
          %1$s = torch.mul(v, u)
        else:
          %1$s = torch.mul_(u, v)
    """
        .formatted(result, x);
  }

  /** x w^T + b, the weights in the dtype of a variable. */
  static String linear(String x, String like, String weight, String bias) {
    return "torch.linear(%s, %s, %s)".formatted(x, as(weight, like), as(bias, like));
  }

  /** x w^T, the weight in the dtype of a variable. */
  static String linear(String x, String like, String weight) {
    return "torch.linear(%s, %s)".formatted(x, as(weight, like));
  }

  /** A convolution, the weights in the dtype of a variable. */
  static String conv2d(String x, String like, String weight, String bias, int stride, int padding) {
    return "torch.conv2d(%1$s, %2$s, %3$s, [%4$d, %4$d], [%5$d, %5$d])"
        .formatted(x, as(weight, like), as(bias, like), stride, padding);
  }

  private static String as(String weight, String like) {
    return "torch.type_as(%s, %s)".formatted(weight, like);
  }

  /** Tokens (b, count, C) as heads (b, heads, count, C / heads). */
  static String heads(String x, String count, int heads) {
    return "torch.transpose(torch.reshape(%s, [b, %s, %d, -1]), 1, 2)".formatted(x, count, heads);
  }

  /** Attention of heads, without a mask. */
  static String attention(String query, String key, String value, boolean causal) {
    return "torch.scaled_dot_product_attention(%s, %s, %s, None, 0., %s)"
        .formatted(query, key, value, causal ? "True" : "False");
  }

  /** Heads as tokens (b, n, C). */
  static String joined(String heads) {
    return "torch.reshape(torch.transpose(%s, 1, 2), [b, n, -1])".formatted(heads);
  }

  /** Tokens whose first has no gradient. */
  static String withFirstStopped(String tokens) {
    return "torch.cat([torch.detach(torch.slice(%1$s, 1, 0, 1)), torch.slice(%1$s, 1, 1)], 1)"
        .formatted(tokens);
  }

  /** (B, C, H, W) as tokens (B, H*W, C). */
  static String tokens(String image) {
    return "torch.transpose(torch.flatten(%s, 2), 1, 2)".formatted(image);
  }

  /** Tokens (B, H*W, C) as an image of the height and width of a variable. */
  static String image(String tokens, String like) {
    return "torch.reshape(torch.transpose(%s, 1, 2), [%2$s.size(0), -1, %2$s.size(2), %2$s.size(3)])"
        .formatted(tokens, like);
  }

  /** Adds a vector for every image to all its pixels, in place. */
  static String addToPixels(String x, String vector) {
    return "torch.add_(%s, torch.unsqueeze(torch.unsqueeze(%s, -1), -1))".formatted(x, vector);
  }
}
