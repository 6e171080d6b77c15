package dev.ablation.sample;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.random.RandomStreams;
import java.util.function.IntToLongFunction;

/** Noise from a seed for each image. The purposes are names of streams and must never change. */
final class SeededNoise implements NoiseSource {
  private final IntToLongFunction seeds;

  SeededNoise(IntToLongFunction seeds) {
    this.seeds = seeds;
  }

  @Override
  public NDArray initial(int image, Shape shape, NDManager scope) {
    long seed = seeds.applyAsLong(image);
    return RandomStreams.gaussian(scope, shape, RandomStreams.stream(seed, "sample.initial", 0));
  }

  @Override
  public NDArray step(int image, int step, Shape shape, NDManager scope) {
    long seed = seeds.applyAsLong(image);
    return RandomStreams.gaussian(scope, shape, RandomStreams.stream(seed, "sample.step", step));
  }

  @Override
  public NDArray posterior(int image, boolean masked, Shape shape, NDManager scope) {
    long seed = seeds.applyAsLong(image);
    String purpose = masked ? "sample.masked-image" : "sample.image";
    return RandomStreams.gaussian(scope, shape, RandomStreams.stream(seed, purpose, 0));
  }
}
