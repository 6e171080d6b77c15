package dev.ablation.model;

import dev.ablation.error.UnsupportedCapabilityException;

/**
 * Gets required capabilities of a model.
 *
 * {@snippet class="dev.ablation.Snippets" region="capability"}
 */
public final class Capabilities {
  private Capabilities() {}

  /**
   * Returns a capability of a model.
   *
   * @param model any
   * @param type the capability
   * @param needed what needs it, for the message
   * @param <T> the capability
   * @return the capability
   * @throws UnsupportedCapabilityException if the model lacks it
   */
  public static <T> T require(DiffusionModel model, Class<T> type, String needed) {
    return model
        .capability(type)
        .orElseThrow(() ->
            new UnsupportedCapabilityException(
                model.descriptor().name(), type.getSimpleName(), needed));
  }
}
