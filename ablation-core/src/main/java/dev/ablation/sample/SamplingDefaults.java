package dev.ablation.sample;

/** Capability: the sampling settings of the model's publisher. */
public interface SamplingDefaults {

  /** {@return sampler, steps and guidance that suit the model} */
  SamplingSettings samplingSettings();
}
