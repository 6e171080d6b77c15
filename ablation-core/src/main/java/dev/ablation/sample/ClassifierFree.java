package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.model.Conditioning;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598, equation 6)
 *
 * <pre>{@code e = e_negative + g (e_positive - e_negative)}</pre>
 *
 * where both predictions come from one call of the network on the batch [negative, positive].
 *
 * @param scale weight g, in the paper's notation {@code 1 + w}; up to 1 there is no guidance and
 *     the network sees each image once per step instead of twice
 * @param rescale share phi of the guided prediction whose deviation is set to that of the positive
 *     one (Lin et al. 2023, arXiv 2305.08891, equations 15 and 16), from 0 to 1
 */
@CheckReturnValue
public record ClassifierFree(double scale, double rescale) implements Guidance {

  /** Checks the ranges. */
  public ClassifierFree {
    Preconditions.checkArgument(
        scale >= 0 && Double.isFinite(scale),
        "guidanceScale must be finite and not negative, was %s",
        scale);
    Preconditions.checkArgument(
        rescale >= 0 && rescale <= 1, "rescale must be from 0 to 1, was %s", rescale);
  }

  /**
   * Changes the rescaling.
   *
   * @param rescale from 0 for none to 1
   * @return a copy with the given rescale
   */
  public ClassifierFree rescale(double rescale) {
    return new ClassifierFree(scale, rescale);
  }

  @Override
  public String name() {
    return rescale == 0 ? "classifier-free" : "classifier-free(rescale=" + rescale + ")";
  }

  @Override
  public boolean usesNegativePrompt() {
    return scale > 1;
  }

  @Override
  public Conditioning condition(Conditioning positive, @Nullable Conditioning negative) {
    return negative == null ? positive : Conditioning.concat(List.of(negative, positive));
  }

  @Override
  public NDArray combine(NDArray prediction) {
    if (!usesNegativePrompt()) {
      return prediction;
    }
    NDList halves = prediction.split(2, 0);
    NDArray negative = halves.get(0);
    NDArray positive = halves.get(1);
    NDArray guided = positive.sub(negative).muli(scale).addi(negative);
    if (rescale == 0) {
      return guided;
    }
    NDArray ratio = deviation(positive).div(deviation(guided));
    return guided.mul(ratio.muli(rescale).addi(1 - rescale));
  }

  /** Shape (B, 1, 1, 1). */
  private static NDArray deviation(NDArray prediction) {
    long rows = prediction.getShape().get(0);
    NDArray flat = prediction.reshape(rows, -1);
    NDArray centred = flat.sub(flat.mean(new int[] {1}, true));
    long degrees = flat.getShape().get(1) - 1;
    return centred.square().sum(new int[] {1}).div(degrees).sqrt().reshape(rows, 1, 1, 1);
  }
}
