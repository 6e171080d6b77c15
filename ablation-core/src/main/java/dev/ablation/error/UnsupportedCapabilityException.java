package dev.ablation.error;

/** A model lacks an ability that a plan needs; thrown before any work starts. */
public final class UnsupportedCapabilityException extends AblationException {
  private static final long serialVersionUID = 1L;

  /** The model that lacks it. */
  private final String model;

  /** What the model cannot do. */
  private final String capability;

  /**
   * Creates the exception.
   *
   * @param model name of the model
   * @param capability what is missing
   * @param needed who asked for it
   */
  public UnsupportedCapabilityException(String model, String capability, String needed) {
    super(
        "model '%s' has no capability %s, which %s needs; its adapter must return it from capability(Class)"
            .formatted(model, capability, needed));
    this.model = model;
    this.capability = capability;
  }

  /** {@return the name of the model} */
  public String model() {
    return model;
  }

  /** {@return the simple name of the missing capability} */
  public String capability() {
    return capability;
  }
}
