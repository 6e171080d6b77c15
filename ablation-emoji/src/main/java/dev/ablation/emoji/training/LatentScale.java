package dev.ablation.emoji.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Mean and standard deviation of the latents, by channel, and how they are folded into the
 * autoencoder's outermost latent layers: all channels then have mean 0 and the common deviation,
 * whose inverse is the scaling factor; images are encoded and decoded as before.
 */
final class LatentScale {
  private final double[] means;
  private final double[] deviations;

  /**
   * Takes over measurements.
   *
   * @param means one a channel
   * @param deviations standard deviations, one a channel
   */
  LatentScale(double[] means, double[] deviations) {
    this.means = means.clone();
    this.deviations = deviations.clone();
  }

  /** One a channel. */
  double[] means() {
    return means.clone();
  }

  /** Standard deviations, one a channel. */
  double[] deviations() {
    return deviations.clone();
  }

  /**
   * Measures latents.
   *
   * @param latents each (C, H, W), not scaled
   */
  static LatentScale of(List<float[]> latents, int channels) {
    double[] sums = new double[channels];
    double[] squares = new double[channels];
    int pixels = latents.get(0).length / channels;
    for (float[] latent : latents) {
      for (int i = 0; i < latent.length; i++) {
        sums[i / pixels] += latent[i];
        squares[i / pixels] += (double) latent[i] * latent[i];
      }
    }
    double count = (double) pixels * latents.size();
    double[] deviations = new double[channels];
    for (int c = 0; c < channels; c++) {
      sums[c] /= count;
      deviations[c] = Math.sqrt(squares[c] / count - sums[c] * sums[c]);
    }
    return new LatentScale(sums, deviations);
  }

  /**
   * The scale of an autoencoder that one is already folded into; folding it changes nothing.
   *
   * @param scalingFactor of its latents
   */
  static LatentScale folded(double scalingFactor, int channels) {
    double[] deviations = new double[channels];
    Arrays.fill(deviations, 1 / scalingFactor);
    return new LatentScale(new double[channels], deviations);
  }

  /** The deviation that all channels get. */
  double common() {
    double sum = 0;
    for (double deviation : deviations) {
      sum += deviation * deviation;
    }
    return Math.sqrt(sum / deviations.length);
  }

  /** The factor that brings the folded latents to a deviation of 1. */
  double scalingFactor() {
    return 1 / common();
  }

  /**
   * Replaces the four weights of an autoencoder that the scale is folded into.
   *
   * @param weights of the autoencoder by name; changed
   * @param owner of the new arrays
   */
  void fold(Map<String, NDArray> weights, NDManager owner) {
    int channels = means.length;
    double[] ratios = new double[channels];
    for (int c = 0; c < channels; c++) {
      ratios[c] = common() / deviations[c];
    }
    float[] in = get(weights, "quant_conv.weight");
    float[] inBias = get(weights, "quant_conv.bias");
    int width = in.length / inBias.length;
    for (int c = 0; c < channels; c++) {
      for (int k = 0; k < width; k++) {
        in[c * width + k] *= (float) ratios[c];
      }
      inBias[c] = (float) ((inBias[c] - means[c]) * ratios[c]);
      // The logarithm of the variance follows the scale of its mean.
      inBias[channels + c] += (float) (2 * Math.log(ratios[c]));
    }
    float[] out = get(weights, "post_quant_conv.weight");
    float[] outBias = get(weights, "post_quant_conv.bias");
    for (int to = 0; to < outBias.length; to++) {
      for (int c = 0; c < channels; c++) {
        int at = to * channels + c;
        outBias[to] += (float) (out[at] * means[c]);
        out[at] = (float) (out[at] / ratios[c]);
      }
    }
    put(weights, "quant_conv.weight", in, owner);
    put(weights, "quant_conv.bias", inBias, owner);
    put(weights, "post_quant_conv.weight", out, owner);
    put(weights, "post_quant_conv.bias", outBias, owner);
  }

  private static float[] get(Map<String, NDArray> weights, String name) {
    NDArray weight = weights.get(name);
    if (weight == null) {
      throw new IllegalArgumentException("the autoencoder must have a weight " + name);
    }
    return weight.toFloatArray();
  }

  private static void put(
      Map<String, NDArray> weights, String name, float[] values, NDManager owner) {
    Shape shape = Objects.requireNonNull(weights.get(name), name).getShape();
    weights.put(name, owner.create(values, shape));
  }
}
