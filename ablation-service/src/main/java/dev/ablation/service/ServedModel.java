package dev.ablation.service;

import dev.ablation.djl.load.DeviceNames;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.spring.AblationProperties;
import java.util.Objects;
import org.springframework.stereotype.Component;

/** What the service knows of its model. */
@Component
final class ServedModel {
  private static final String EMBEDDED = "embedded";

  private final DiffusionModel model;
  private final String location;

  ServedModel(DiffusionModel model, AblationProperties properties) {
    this.model = model;
    location = Objects.requireNonNullElse(properties.model(), model.descriptor().name());
  }

  DiffusionModel model() {
    return model;
  }

  /** As a job file names it. */
  String location() {
    return location;
  }

  /** {@code cpu}, {@code gpu0} and so on. */
  String device() {
    return DeviceNames.of(model.descriptor().device());
  }

  boolean isEmbedded() {
    return location.equals(EMBEDDED);
  }

  SamplingSettings sampling() {
    return isEmbedded() ? EmbeddedModel.recommendedSampling() : SamplingSettings.defaultsFor(model);
  }
}
