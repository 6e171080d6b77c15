package dev.ablation.golden;

/**
 * How close values must come to those of the reference. Bounds that are infinite are not asked for.
 *
 * @param relL2 bound of |a - b| / |b| in the 2-norm over the tensor
 * @param maxAbs bound of the largest absolute difference
 * @param ofLargest bound of the largest absolute difference as a share of the largest value
 */
public record Tolerance(double relL2, double maxAbs, double ofLargest) {
  /** Outputs of the text encoder. */
  public static final Tolerance TEXT = relL2(5e-6).andMaxAbs(2e-5);

  /** Activations and outputs of the UNet. */
  public static final Tolerance UNET = relL2(2e-5).andMaxAbs(1e-4);

  /** Sinusoidal time features, whose angles are rounded to float32. */
  public static final Tolerance TIME_FEATURES = maxAbs(1e-4);

  /** Gradients, and the sum that they belong to. */
  public static final Tolerance GRADIENT = relL2(1e-4);

  /** Outputs of the autoencoder. */
  public static final Tolerance VAE = relL2(1e-5).andMaxAbs(5e-5);

  /** Activations inside of the autoencoder. */
  public static final Tolerance VAE_INSIDE = relL2(1e-5);

  /** Latents of a pipeline. */
  public static final Tolerance LATENTS =
      new Tolerance(Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, 1e-4);

  /** Images that a pipeline decodes, range -1..1. */
  public static final Tolerance DECODED = maxAbs(2e-4);

  /** No difference at all. */
  public static final Tolerance EXACT = new Tolerance(0, 0, 0);

  /**
   * Bounds the relative error.
   *
   * @param bound of |a - b| / |b| in the 2-norm
   * @return the tolerance
   */
  public static Tolerance relL2(double bound) {
    return new Tolerance(bound, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY);
  }

  /**
   * Bounds every difference.
   *
   * @param bound of the largest absolute difference
   * @return the tolerance
   */
  public static Tolerance maxAbs(double bound) {
    return new Tolerance(Double.POSITIVE_INFINITY, bound, Double.POSITIVE_INFINITY);
  }

  /**
   * Bounds every difference too.
   *
   * @param bound of the largest absolute difference
   * @return the stricter tolerance
   */
  public Tolerance andMaxAbs(double bound) {
    return new Tolerance(relL2, bound, ofLargest);
  }

  /**
   * Compares.
   *
   * @param name of the tensor, for the message
   * @param actual computed
   * @param expected of the reference
   * @throws AssertionError with the first value that is off, and how many are
   */
  public void check(String name, Tensor actual, Tensor expected) {
    if (!actual.shape().equals(expected.shape())) {
      throw new AssertionError(
          "%s: expected shape %s, was %s".formatted(name, expected.shape(), actual.shape()));
    }
    float[] a = actual.values();
    float[] b = expected.values();
    double differences = 0;
    double squares = 0;
    double bound = Math.min(maxAbs, times(ofLargest, expected.largest()));
    int off = 0;
    int first = 0;
    int worst = 0;
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      double difference = Math.abs((double) a[i] - b[i]);
      differences += difference * difference;
      squares += (double) b[i] * b[i];
      if (!(difference <= bound)) { // NaN is off, too
        first = off == 0 ? i : first;
        off++;
      }
      if (!(difference <= largest)) {
        worst = i;
        largest = difference;
      }
    }
    double relative = differences == 0 ? 0 : Math.sqrt(differences / squares);
    if (off > 0 || !(relative <= relL2)) {
      throw new AssertionError(
          """
          %s %s: rel_l2 %.3g, asked for %.3g; largest difference %.3g, asked for %.3g
            %d of %d values are off%s
            worst at %s: expected %s, was %s\
          """
              .formatted(
                  name,
                  expected.shape(),
                  relative,
                  relL2,
                  largest,
                  bound,
                  off,
                  a.length,
                  off == 0
                      ? ""
                      : ", the first at %s: expected %s, was %s"
                          .formatted(expected.index(first), b[first], a[first]),
                  expected.index(worst),
                  b[worst],
                  a[worst]));
    }
  }

  private static double times(double share, double largest) {
    return Double.isInfinite(share) ? share : share * largest;
  }
}
