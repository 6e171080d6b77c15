package dev.ablation.djl.nn;

/** Half precision gave infinity or NaN where float32 would, as a rule, give numbers. */
public final class HalfPrecisionException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  /** The first layer whose output is not finite. */
  private final String layer;

  HalfPrecisionException(String layer, String message) {
    super(message);
    this.layer = layer;
  }

  /** {@return the first layer whose output is not finite, with the network's class before it} */
  public String layer() {
    return layer;
  }
}
