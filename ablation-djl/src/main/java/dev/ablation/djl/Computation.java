package dev.ablation.djl;

import ai.djl.Device;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.vae.AutoencoderKL;

/**
 * How the networks of a model compute. Text encoders compute in float32: they are called once a
 * prompt, and T5 overflows in float16.
 *
 * @param options how the model is opened
 */
record Computation(LoadOptions options) {
  static Computation of(LoadOptions options) {
    return new Computation(options);
  }

  /** Sets the precision, who computes, and what is recomputed where gradients are recorded. */
  void set(Layer denoiser, AutoencoderKL vae, Device device) {
    Precision precision = options.precision();
    denoiser.setPrecision(precision);
    denoiser.setGradientCheckpointing(options.gradientCheckpointing());
    vae.setPrecision(
        precision == Precision.FLOAT16 && vae.config().forceUpcast()
            ? Precision.FLOAT32
            : precision);
    int workers = device.isGpu() ? 1 : options.workers();
    denoiser.setWorkers(workers);
    vae.setWorkers(options.vaeSlicing() ? 1 : workers);
    vae.setSplitting(options.vaeSlicing(), options.vaeTiling());
  }
}
