package dev.ablation.benchmarks;

import java.util.Locale;

/** What is measured. */
enum Scenario {
  /** One prediction of the UNet for a batch, without gradients. */
  FORWARD(1e-3),
  /**
   * One step of ablation on a group of weights: anchor prediction without gradients, prediction
   * with, masked loss, gradients, clipping, AdamW. Text embeddings are given.
   */
  STEP(1e-3),
  /** A batch of latents by DDIM with guidance, text encoder included, autoencoder not. */
  SAMPLING(1e-3),
  /**
   * As many images of an anchor as asked for, in batches; from the same noise, of other prompts.
   */
  ANCHORS(1e-3),
  /** A batch of images from latents. */
  DECODE(1e-3),
  /** The embeddings of a batch of prompts, tokenizer included. */
  TEXT(1e-3),
  /**
   * A whole ablation of keys and values: anchors, each drawn by {@link #SAMPLING}'s settings, then
   * training. Both sides draw random numbers of their own, so that the mean losses only resemble
   * each other.
   */
  ABLATION(0.3),
  /** Edits of keys and values by UCE: some concepts, two preserved ones each, encoding included. */
  UCE(1e-3),
  /** A product of two square matrices: what the machine attains. */
  MATMUL(1e-3);

  private final double agreement;

  Scenario(double agreement) {
    this.agreement = agreement;
  }

  /** The largest relative difference of both sides' results. */
  double agreement() {
    return agreement;
  }

  /** Its name on command lines and in tables. */
  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  static Scenario of(String label) {
    return valueOf(label.toUpperCase(Locale.ROOT));
  }
}
