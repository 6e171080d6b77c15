package dev.ablation.attack;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.convolutional.Conv2d;
import dev.ablation.internal.EngineArrays;
import dev.ablation.model.AdamW;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.random.RandomStreams;
import dev.ablation.schedule.NoiseSchedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;

/**
 * A small classifier of noised latents that knows their noise level: three convolutions, the mean
 * over the image, one logit. Trained for an attack, by binary cross-entropy on images of the target
 * and others, noised to random times. Its arrays are its owner's.
 */
final class LatentClassifier {
  private static final AdamW ADAM = new AdamW(0.9, 0.999, 1e-8, 1e-4);
  private static final int[] CHANNELS = {32, 64, 64};
  private static final int KERNEL = 3;
  private static final int TIME_FEATURES = 3;

  private final NoiseSchedule schedule;
  private final InputDifferentiable gradients;

  /** Kernel and bias of each convolution, then the times' matrix, then the logit's. */
  private final List<NDArray> weights = new ArrayList<>();

  private LatentClassifier(
      NoiseSchedule schedule,
      InputDifferentiable gradients,
      long channels,
      long seed,
      NDManager owner) {
    this.schedule = schedule;
    this.gradients = gradients;
    RandomGenerator random = RandomStreams.stream(seed, "latent classifier", 0);
    long in = channels;
    for (int out : CHANNELS) {
      weights.add(initial(new Shape(out, in, KERNEL, KERNEL), in * KERNEL * KERNEL, random, owner));
      weights.add(EngineArrays.copy(owner.zeros(new Shape(out)), owner));
      in = out;
    }
    weights.add(initial(new Shape(TIME_FEATURES, CHANNELS[0]), TIME_FEATURES, random, owner));
    weights.add(initial(new Shape(in, 1), in, random, owner));
  }

  private static NDArray initial(
      Shape shape, long inputs, RandomGenerator random, NDManager owner) {
    NDArray drawn = RandomStreams.gaussian(owner, shape, random).mul(Math.sqrt(2.0 / inputs));
    return EngineArrays.copy(drawn, owner);
  }

  /**
   * How the classifier is trained.
   *
   * @param steps positive
   * @param batchSize half of it of each kind, at least 2
   * @param learningRate of AdamW
   * @param seed of initial values and batches
   */
  record Training(int steps, int batchSize, double learningRate, long seed) {}

  /**
   * Trains a classifier.
   *
   * @param schedule of the model whose latents are classified
   * @param gradients of that model
   * @param target latents with the target, (n, C, H, W)
   * @param others latents without
   * @param training settings
   * @param owner of the classifier's arrays
   * @param cancelled asked before every step
   */
  static LatentClassifier trained(
      NoiseSchedule schedule,
      InputDifferentiable gradients,
      NDArray target,
      NDArray others,
      Training training,
      NDManager owner,
      BooleanSupplier cancelled) {
    LatentClassifier classifier =
        new LatentClassifier(schedule, gradients, target.getShape().get(1), training.seed(), owner);
    classifier.train(target, others, training, owner, cancelled);
    return classifier;
  }

  private void train(
      NDArray target,
      NDArray others,
      Training training,
      NDManager owner,
      BooleanSupplier cancelled) {
    List<NDArray> first = weights.stream().map(NDArray::zerosLike).toList();
    List<NDArray> second = weights.stream().map(NDArray::zerosLike).toList();
    int half = training.batchSize() / 2;
    for (int step = 1; step <= training.steps(); step++) {
      AttackSettings.checkCancelled(
          cancelled, "classifier step %d of %d".formatted(step, training.steps()));
      RandomGenerator random = RandomStreams.stream(training.seed(), "classifier step", step);
      try (NDManager scope = owner.newSubManager()) {
        NDArray clean =
            NDArrays.concat(
                new NDList(
                    chosen(target, half, random, scope), chosen(others, half, random, scope)),
                0);
        clean.attach(scope);
        double[] times = new double[2 * half];
        float[] signs = new float[2 * half];
        for (int i = 0; i < times.length; i++) {
          times[i] = schedule.drawTime(random);
          signs[i] = i < half ? 1 : -1;
        }
        NDArray noise = RandomStreams.gaussian(scope, clean.getShape(), random);
        NDArray noised =
            EngineArrays.copy(
                schedule.addNoise(clean, noise, schedule.toArray(times, scope)), scope);
        NDArray sign = EngineArrays.copy(scope.create(signs).reshape(2L * half, 1), scope);
        NDArray known = features(times, scope);
        InputDifferentiable.Gradients found =
            gradients.gradients(
                weights, copies -> lossOf(logits(noised, known, copies).mul(sign)).mean());
        for (int i = 0; i < weights.size(); i++) {
          NDArray gradient = found.values().get(i);
          gradient.attach(scope);
          ADAM.update(
              weights.get(i), gradient, first.get(i), second.get(i), training.learningRate(), step);
        }
      }
    }
  }

  private static NDArray chosen(NDArray all, int count, RandomGenerator random, NDManager scope) {
    int[] rows = random.ints(count, 0, Math.toIntExact(all.getShape().get(0))).toArray();
    NDArray some = all.get(scope.create(rows));
    some.attach(scope);
    return some;
  }

  /** Minus the logarithm of the logistic function: {@code log(1 + exp(-x))}, without overflow. */
  private static NDArray lossOf(NDArray logits) {
    return Activation.relu(logits.neg()).add(logits.abs().neg().exp().add(1).log());
  }

  /** (B, 3): alpha, sigma and a constant. */
  private NDArray features(double[] times, NDManager scope) {
    float[] values = new float[times.length * TIME_FEATURES];
    for (int i = 0; i < times.length; i++) {
      values[i * TIME_FEATURES] = (float) schedule.alpha(times[i]);
      values[i * TIME_FEATURES + 1] = (float) schedule.sigma(times[i]);
      values[i * TIME_FEATURES + 2] = 1;
    }
    return EngineArrays.copy(scope.create(values, new Shape(times.length, TIME_FEATURES)), scope);
  }

  private static NDArray logits(NDArray latents, NDArray times, NDList weights) {
    NDArray state = latents;
    int layers = CHANNELS.length;
    for (int i = 0; i < layers; i++) {
      Shape stride = i == 0 ? new Shape(1, 1) : new Shape(2, 2);
      NDList out =
          Conv2d.conv2d(state, weights.get(2 * i), weights.get(2 * i + 1), stride, new Shape(1, 1));
      state = out.singletonOrThrow();
      if (i == 0) {
        NDArray shift = times.matMul(weights.get(2 * layers));
        state = state.add(shift.reshape(shift.getShape().get(0), CHANNELS[0], 1, 1));
      }
      state = Activation.relu(state);
    }
    Shape shape = state.getShape();
    NDArray pixels = state.reshape(shape.get(0), shape.get(1), -1);
    return pixels.mean(new int[] {2}).matMul(weights.get(2 * layers + 1));
  }

  /**
   * Classifies.
   *
   * @param latents noised, (B, C, H, W)
   * @param time of all of them
   * @param scope owner of the result
   * @return (B), the logarithm of the odds that they show the target
   */
  float[] logits(NDArray latents, double time, NDManager scope) {
    try (NDManager own = scope.newSubManager()) {
      NDArray input = EngineArrays.copy(latents, own);
      NDArray found = logits(input, features(timesOf(latents, time), own), new NDList(weights));
      found.attach(own);
      return found.toFloatArray();
    }
  }

  /**
   * Returns the gradient of the logarithm of the target's probability.
   *
   * @param latents noised, (B, C, H, W)
   * @param time of all of them
   * @return of the latents' shape, attached to their manager
   */
  NDArray gradient(NDArray latents, double time) {
    NDManager manager = latents.getManager();
    try (NDManager scope = manager.newSubManager()) {
      NDArray known = features(timesOf(latents, time), scope);
      NDList fixed = new NDList(weights);
      NDArray input = EngineArrays.copy(latents, scope);
      NDArray found =
          gradients.gradient(input, copy -> lossOf(logits(copy, known, fixed)).sum()).first();
      NDArray up = found.neg();
      up.attach(manager);
      return up;
    }
  }

  private static double[] timesOf(NDArray latents, double time) {
    double[] times = new double[Math.toIntExact(latents.getShape().get(0))];
    Arrays.fill(times, time);
    return times;
  }
}
