package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.ablation.golden.Tensor;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplerRun;
import dev.ablation.schedule.NoiseSchedule;
import dev.ablation.schedule.PredictionType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A sampler that keeps a copy of the sample after each step of its last run. */
final class RecordingSampler implements Sampler {
  private final Sampler sampler;
  private final List<Tensor> samples = new ArrayList<>();
  private @Nullable Tensor firstInput;
  private double[] timesteps = {};
  private double[] sigmas = {};

  RecordingSampler(Sampler sampler) {
    this.sampler = sampler;
  }

  /** After each step. */
  List<Tensor> samples() {
    return samples;
  }

  /** What the first call of the network got. */
  Tensor firstInput() {
    return Objects.requireNonNull(firstInput);
  }

  /** Before each step. */
  double[] timesteps() {
    return timesteps.clone();
  }

  /** Before each step, and at the end. */
  double[] sigmas() {
    return sigmas.clone();
  }

  @Override
  public String name() {
    return sampler.name();
  }

  @Override
  public Map<String, Object> settings() {
    return sampler.settings();
  }

  @Override
  public boolean supports(NoiseSchedule schedule, PredictionType type) {
    return sampler.supports(schedule, type);
  }

  @Override
  public SamplerRun start(NoiseSchedule schedule, PredictionType type, int steps, Shape latents) {
    SamplerRun run = sampler.start(schedule, type, steps, latents);
    samples.clear();
    firstInput = null;
    timesteps = run.timesteps();
    sigmas = run.sigmas();
    return new SamplerRun() {
      @Override
      public double[] timesteps() {
        return run.timesteps();
      }

      @Override
      public double[] sigmas() {
        return run.sigmas();
      }

      @Override
      public double initNoiseSigma() {
        return run.initNoiseSigma();
      }

      @Override
      public NDArray scaleModelInput(NDArray sample, int index) {
        NDArray input = run.scaleModelInput(sample, index);
        if (firstInput == null) {
          firstInput = Tensor.of(input);
        }
        return input;
      }

      @Override
      public boolean drawsNoise(int index) {
        return run.drawsNoise(index);
      }

      @Override
      public NDArray predictOriginal(NDArray modelOutput, int index, NDArray sample) {
        return run.predictOriginal(modelOutput, index, sample);
      }

      @Override
      public int skip(int skipped) {
        return run.skip(skipped);
      }

      @Override
      public NDArray addNoise(NDArray original, int index, NDArray noise) {
        return run.addNoise(original, index, noise);
      }

      @Override
      public NDArray step(NDArray modelOutput, int index, NDArray sample, @Nullable NDArray noise) {
        NDArray next = run.step(modelOutput, index, sample, noise);
        samples.add(Tensor.of(next));
        return next;
      }

      @Override
      public void close() {
        run.close();
      }
    };
  }
}
