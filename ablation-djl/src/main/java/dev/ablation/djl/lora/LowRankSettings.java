package dev.ablation.djl.lora;

import com.google.errorprone.annotations.CheckReturnValue;

/** How a delta is factorised. Immutable: every setter returns a copy. */
@CheckReturnValue
public final class LowRankSettings {
  /** Below it lies what rounding to float32 leaves. */
  private static final double DEFAULT_TOLERANCE = 1e-6;

  private final int rank;
  private final double tolerance;
  private final boolean leavingOut;
  private final boolean half;

  private LowRankSettings(int rank, double tolerance, boolean leavingOut, boolean half) {
    this.rank = rank;
    this.tolerance = tolerance;
    this.leavingOut = leavingOut;
    this.half = half;
  }

  /**
   * Chooses the highest rank of a weight's change. Published adapters have 4 to 128.
   *
   * @param rank positive
   * @return settings: weights that need less get less
   */
  public static LowRankSettings rank(int rank) {
    if (rank < 1) {
      throw new IllegalArgumentException("rank must be positive, was " + rank);
    }
    return new LowRankSettings(rank, DEFAULT_TOLERANCE, false, false);
  }

  /** {@return settings without a highest rank: each weight gets the rank that its change has} */
  public static LowRankSettings fullRank() {
    return rank(Integer.MAX_VALUE);
  }

  /**
   * Chooses the relative error at which a weight needs no higher rank. Default 1e-6, which is the
   * rounding of float32.
   *
   * @param error of the Frobenius norm, not negative, less than 1
   * @return the changed settings
   */
  public LowRankSettings tolerance(double error) {
    if (!(error >= 0 && error < 1)) {
      throw new IllegalArgumentException("tolerance must be in [0, 1), was " + error);
    }
    return new LowRankSettings(rank, error, leavingOut, half);
  }

  /**
   * Leaves out weights that no LoRA file can hold, such as biases and embeddings, instead of
   * refusing the delta: {@link LowRankApproximation#leftOut()} names them.
   *
   * @return the changed settings
   */
  public LowRankSettings leavingOutOthers() {
    return new LowRankSettings(rank, tolerance, true, half);
  }

  /**
   * Rounds the factors to float16, so that they are the same after {@link LoraFile} wrote them in
   * that format; the error includes it.
   *
   * @return the changed settings
   */
  public LowRankSettings float16() {
    return new LowRankSettings(rank, tolerance, leavingOut, true);
  }

  /** {@return the highest rank of a weight's change} */
  public int maxRank() {
    return rank;
  }

  /** {@return the relative error at which a weight needs no higher rank} */
  public double tolerance() {
    return tolerance;
  }

  /** {@return whether weights that no LoRA file can hold are left out} */
  public boolean leavesOutOthers() {
    return leavingOut;
  }

  /** {@return whether factors are rounded to float16} */
  public boolean isFloat16() {
    return half;
  }

  @Override
  public String toString() {
    return "rank %d, tolerance %s, leaving out others %s, float16 %s"
        .formatted(rank, tolerance, leavingOut, half);
  }
}
