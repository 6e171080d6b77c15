package dev.ablation.djl;

import dev.ablation.model.WeightRole;

/** What a weight is for, by its name in the published module trees. */
final class Roles {
  private Roles() {}

  static WeightRole ofUnet(String name) {
    if (name.contains(".attn1.")) {
      return WeightRole.SELF_ATTENTION;
    }
    if (!name.contains(".attn2.")) {
      return WeightRole.DENOISER;
    }
    if (name.contains(".to_q.")) {
      return WeightRole.CROSS_ATTENTION_QUERY;
    }
    if (name.contains(".to_k.")) {
      return WeightRole.CROSS_ATTENTION_KEY;
    }
    return name.contains(".to_v.")
        ? WeightRole.CROSS_ATTENTION_VALUE
        : WeightRole.CROSS_ATTENTION_OUTPUT;
  }

  static WeightRole ofTextEncoder(String name) {
    return name.endsWith("token_embedding.weight")
        ? WeightRole.TOKEN_EMBEDDING
        : WeightRole.TEXT_ENCODER;
  }
}
