package dev.ablation.benchmarks;

import java.util.Locale;

/** What is measured, always with one image. */
enum Scenario {
  /** One prediction of the UNet, without gradients. */
  FORWARD,
  /**
   * One step of ablation on the keys and values of cross-attention: anchor prediction without
   * gradients, prediction with, masked loss, gradients, clipping, AdamW. Text embeddings are given.
   */
  STEP,
  /** One image by DDIM with guidance, text encoder included, autoencoder not. */
  SAMPLING;

  /** Its name on command lines and in tables. */
  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  static Scenario of(String label) {
    return valueOf(label.toUpperCase(Locale.ROOT));
  }
}
