package dev.ablation.djl.clip;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.random.RandomStreams;
import java.util.random.RandomGenerator;

/**
 * Weights of a network that is yet to be trained, drawn as the published code draws them (Radford
 * et al. 2021, section 2.4).
 */
final class ClipInitialization {
  private static final float LOGIT_SCALE = (float) Math.log(1 / 0.07);

  private final ClipConfig config;
  private final RandomGenerator random;
  private final NDManager manager;

  ClipInitialization(ClipConfig config, long seed, NDManager manager) {
    this.config = config;
    this.random = RandomStreams.stream(seed, "clip.weights", 0);
    this.manager = manager;
  }

  /** Draws one weight; the order of calls matters. */
  NDArray draw(String name, Shape shape) {
    double deviation = deviation(name, shape);
    // Products of arrays from Java are in the engine's memory, as trained arrays must be.
    try (NDArray numbers =
        deviation > 0
            ? RandomStreams.gaussian(manager, shape, random)
            : manager.full(shape, constant(name))) {
      return deviation > 0 ? numbers.mul(deviation) : numbers.duplicate();
    }
  }

  private static float constant(String name) {
    if (name.equals("logit_scale")) {
      return LOGIT_SCALE;
    }
    return name.endsWith(".weight") ? 1 : 0;
  }

  /** 0 means a constant: biases, normalisations and the logit scale. */
  private double deviation(String name, Shape shape) {
    boolean text = name.startsWith("text_");
    int width = text ? config.text().hiddenSize() : config.vision().hiddenSize();
    int layers = text ? config.text().layers() : config.vision().layers();
    double residual = 1 / Math.sqrt(2.0 * layers);
    if (name.endsWith("class_embedding")) {
      return 1 / Math.sqrt(width);
    }
    if (shape.dimension() < 2) {
      return 0;
    }
    if (name.contains(".convs.")) {
      return Math.sqrt(2.0 / (double) shape.slice(1).size()); // He et al. 2015
    }
    if (name.contains("_embedding.weight")) {
      return 0.02;
    }
    if (name.contains(".self_attn.")) {
      return (name.contains("out_proj") ? 1 : residual) / Math.sqrt(width);
    }
    if (name.contains(".mlp.fc1.")) {
      return 1 / Math.sqrt(2.0 * width);
    }
    if (name.contains(".mlp.fc2.")) {
      return residual / Math.sqrt(width);
    }
    return 1 / Math.sqrt((double) shape.get(1)); // projections
  }
}
