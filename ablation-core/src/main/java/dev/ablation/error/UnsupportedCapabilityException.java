package dev.ablation.error;

/** Thrown before any work starts if the model lacks a capability that the plan needs. */
public final class UnsupportedCapabilityException extends AblationException {
  private static final long serialVersionUID = 1L;

  /** The model that lacks the capability. */
  private final String model;

  /** The missing capability. */
  private final String capability;

  /**
   * Creates the exception.
   *
   * @param model the model's name
   * @param capability the missing capability
   * @param needed what needs it
   */
  public UnsupportedCapabilityException(String model, String capability, String needed) {
    super(
        "model '%s' has no capability %s, which %s needs; its adapter must return it from capability(Class)"
            .formatted(model, capability, needed));
    this.model = model;
    this.capability = capability;
  }

  /** {@return the model's name} */
  public String model() {
    return model;
  }

  /** {@return the simple name of the missing capability} */
  public String capability() {
    return capability;
  }
}
