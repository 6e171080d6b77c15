package dev.ablation.sample;

/** Capability: the settings that a model's publisher draws with. */
public interface SamplingDefaults {

  /** {@return sampler, steps and guidance that suit the model} */
  SamplingSettings samplingSettings();
}
