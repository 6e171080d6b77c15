package dev.ablation.model;

import java.util.List;
import java.util.TreeMap;

/**
 * A fingerprint that distinguishes models that draw different images from the same prompt and seed.
 */
public final class Fingerprint {
  private Fingerprint() {}

  /**
   * Lists all properties of a model that affect its images: the hash of its own weights, the hash
   * of the arrays that are bound in their place, schedule and prediction type, latent shape, kind
   * of device and {@link DiffusionModel#encodingSettings}.
   *
   * @param model the model in its current state
   * @return texts, always the same number in the same order
   */
  public static List<String> of(DiffusionModel model) {
    ModelDescriptor shape = model.descriptor();
    return List.of(
        model.weights().sha256(),
        // The model's hash is that of its own weights; an applied delta gives other images.
        model.weights().boundSha256().orElse(""),
        model.schedule() + " " + model.predictionType(),
        "%d x %d x %d on %s"
                .formatted(
                    shape.latentChannels(),
                    shape.latentHeight(),
                    shape.latentWidth(),
                    shape.device().getDeviceType())
            + encoding(model));
  }

  /** Empty without settings, as in the keys of earlier versions. */
  private static String encoding(DiffusionModel model) {
    StringBuilder text = new StringBuilder();
    new TreeMap<>(model.encodingSettings())
        .forEach((name, value) -> text.append(' ').append(name).append('=').append(value));
    return text.toString();
  }
}
