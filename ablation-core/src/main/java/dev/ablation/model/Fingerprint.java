package dev.ablation.model;

import java.util.List;

/** What tells two models apart that draw different images from the same prompt and seed. */
public final class Fingerprint {
  private Fingerprint() {}

  /**
   * Lists everything about a model that its images depend on: the hash of its own weights, the hash
   * of the arrays that are bound in their place, schedule and prediction type, latent shape and
   * kind of device.
   *
   * @param model as it is now
   * @return texts, always as many and in the same order
   */
  public static List<String> of(DiffusionModel model) {
    ModelDescriptor shape = model.descriptor();
    return List.of(
        model.weights().sha256(),
        // The model's hash is that of its own weights; an applied delta draws other images.
        model.weights().boundSha256().orElse(""),
        model.schedule() + " " + model.predictionType(),
        "%d x %d x %d on %s"
            .formatted(
                shape.latentChannels(),
                shape.latentHeight(),
                shape.latentWidth(),
                shape.device().getDeviceType()));
  }
}
