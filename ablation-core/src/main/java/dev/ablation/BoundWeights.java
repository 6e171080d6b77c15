package dev.ablation;

import ai.djl.ndarray.NDArray;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.Weights;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Says what a model computes with beside its own weights. The hashes of base weights in provenance
 * are those of the model's own; a run under an applied delta learns a change of their sum.
 */
final class BoundWeights {
  /** The setting that tells of it. */
  static final String SETTING = "base.applied";

  private BoundWeights() {}

  /** Returns how many weights other arrays stand in for, and the SHA-256 of those. */
  static Optional<String> describe(Weights weights) {
    List<String> bound =
        weights.list().stream().map(WeightInfo::name).filter(weights::isBound).toList();
    if (bound.isEmpty()) {
      return Optional.empty();
    }
    MessageDigest all = sha256();
    for (String name : bound) {
      NDArray array = weights.get(name);
      MessageDigest one = sha256();
      one.update(array.toByteBuffer());
      String line = name + ' ' + HexFormat.of().formatHex(one.digest()) + '\n';
      all.update(line.getBytes(StandardCharsets.UTF_8));
    }
    return Optional.of(
        "%d weights, SHA-256 %s".formatted(bound.size(), HexFormat.of().formatHex(all.digest())));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
