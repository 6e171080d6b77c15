package dev.ablation.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.SmallConfigs;
import dev.ablation.djl.nn.NamedWeights;
import dev.ablation.djl.nn.RandomWeights;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.model.AdamW;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightRole;
import dev.ablation.random.RandomStreams;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ParallelTrainingTest {
  private static final VaeConfig CONFIG = SmallConfigs.vae(4, 2);
  private static final int BATCH = 4;
  private static final int SIDE = 8;

  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  private final NDArray images = gaussian("images", new Shape(BATCH, 3, SIDE, SIDE));

  @AfterEach
  void close() {
    manager.close();
  }

  private NDArray gaussian(String purpose, Shape shape) {
    return RandomStreams.gaussian(manager, shape, RandomStreams.stream(5, purpose, 0)).duplicate();
  }

  private ParallelTraining<AutoencoderKL> training(int threads) {
    List<AutoencoderKL> replicas =
        IntStream.range(0, threads).mapToObj(i -> new AutoencoderKL(CONFIG)).toList();
    RandomWeights.load(replicas.get(0), 1, manager);
    return new ParallelTraining<>(
        replicas, vae -> new NamedWeights().add("vae.", vae, name -> WeightRole.DENOISER), manager);
  }

  private NDArray loss(AutoencoderKL vae, int thread, int share) {
    NDArray own = images.get(thread * share + ":" + (thread + 1) * share);
    NDList posterior = vae.posterior(vae.moments(own));
    NDArray latents = posterior.get(0).add(posterior.get(2));
    return vae.apply(latents).sub(own).square().mean();
  }

  @Test
  void gradientsOfSharesAreThoseOfTheWholeBatch() {
    try (NDManager scope = manager.newSubManager();
        ParallelTraining<AutoencoderKL> one = training(1);
        ParallelTraining<AutoencoderKL> two = training(2)) {
      Gradients whole = one.gradients((thread, vae, owner) -> loss(vae, thread, BATCH), scope);
      Gradients shares = two.gradients((thread, vae, owner) -> loss(vae, thread, BATCH / 2), scope);
      assertThat(shares.loss()).isCloseTo(whole.loss(), within(1e-5));
      assertThat(shares.values()).hasSameSizeAs(whole.values());
      for (int i = 0; i < whole.values().size(); i++) {
        assertThat(shares.values().get(i).toFloatArray())
            .as(one.names().get(i))
            .containsExactly(whole.values().get(i).toFloatArray(), within(1e-5f));
      }
    }
  }

  @Test
  void aStepOfTheOptimiserIsSeenByAllThreads() {
    try (ParallelTraining<AutoencoderKL> training = training(2);
        NDManager scope = manager.newSubManager()) {
      // @start region="train"
      Optimizer optimizer = training.optimizer(AdamW.reference());
      List<Double> losses = new ArrayList<>();
      for (int step = 0; step < 5; step++) {
        try (NDManager arrays = manager.newSubManager()) {
          Gradients gradients =
              training.gradients((thread, vae, owner) -> loss(vae, thread, BATCH / 2), arrays);
          optimizer.step(gradients.values(), 1e-2, 1);
          losses.add(gradients.loss());
        }
      }
      // @end region="train"
      assertThat(losses.get(4)).isLessThan(losses.get(0));
      Gradients after =
          training.gradients(
              (thread, vae, owner) -> loss(training.replicas().get(thread), 0, BATCH / 2), scope);
      double first =
          training.withoutGradients(
              () -> (double) loss(training.replicas().get(0), 0, BATCH / 2).getFloat());
      assertThat(after.loss()).isCloseTo(first, within(1e-6));
    }
  }

  @Test
  void otherWeightsAreThereForOneEvaluation() {
    try (ParallelTraining<AutoencoderKL> training = training(2)) {
      NDList zeros = new NDList();
      training.weights().forEach(weight -> zeros.add(manager.zeros(weight.getShape())));
      float drawn = training.with(zeros, vae -> vae.apply(latents()).abs().max().getFloat());
      assertThat(drawn).isZero();
      float again =
          training.withoutGradients(
              () -> training.replicas().get(0).apply(latents()).abs().max().getFloat());
      assertThat(again).isPositive();
    }
  }

  private NDArray latents() {
    return gaussian("latents", new Shape(1, 2, SIDE / 2, SIDE / 2));
  }

  @Test
  void afterwardsTheFirstNetworkHasItsOwnWeightsAgain() {
    AutoencoderKL vae = new AutoencoderKL(CONFIG);
    RandomWeights.load(vae, 1, manager);
    float before = vae.apply(latents()).sum().getFloat();
    NamedWeights weights = new NamedWeights().add("", vae, name -> WeightRole.DENOISER);
    try (ParallelTraining<AutoencoderKL> training =
        new ParallelTraining<>(List.of(vae), one -> weights, manager)) {
      training.weights().get(0).muli(2);
      assertThat(weights.isBound(training.names().get(0))).isTrue();
    }
    assertThat(vae.apply(latents()).sum().getFloat()).isEqualTo(before);
  }

  @Test
  void aThreadsFailureIsReported() {
    try (ParallelTraining<AutoencoderKL> training = training(2)) {
      assertThatThrownBy(() ->
              training.gradients(
                  (thread, vae, owner) -> {
                    if (thread == 1) {
                      throw new IllegalStateException("no image left");
                    }
                    return loss(vae, 0, 1);
                  },
                  manager))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("no image left");
    }
  }

  @Test
  void refusesToTrainNothing() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ParallelTraining<>(List.of(), n -> new NamedWeights(), manager))
        .withMessageContaining("replicas must not be empty");
  }

  /** Central differences of the loss, in some weights of every kind and of both halves. */
  @Test
  void gradientsOfTheAutoencoderAreItsDifferences() {
    try (NDManager scope = manager.newSubManager();
        ParallelTraining<AutoencoderKL> training = training(1)) {
      Gradients gradients =
          training.gradients((thread, vae, owner) -> loss(vae, thread, BATCH), scope);
      double size = 0;
      for (NDArray gradient : gradients.values()) {
        size = Math.max(size, gradient.abs().max().getFloat());
      }
      for (int i = 0; i < training.names().size(); i += 3) {
        NDArray weight = training.weights().get(i);
        float[] values = weight.toFloatArray();
        int at = values.length / 2;
        double step = 2e-3;
        double up = lossWith(training, weight, values, at, step);
        double down = lossWith(training, weight, values, at, -step);
        lossWith(training, weight, values, at, 0);
        assertThat((double) gradients.values().get(i).toFloatArray()[at])
            .as(training.names().get(i))
            .isCloseTo((up - down) / (2 * step), within(0.01 * size));
      }
    }
  }

  private double lossWith(
      ParallelTraining<AutoencoderKL> training,
      NDArray weight,
      float[] values,
      int at,
      double change) {
    float[] changed = values.clone();
    changed[at] += (float) change;
    return training.withoutGradients(() -> {
      try (NDArray array = manager.create(changed, weight.getShape())) {
        dev.ablation.djl.internal.kernel.Kernels.copy(array, weight);
      }
      return (double) loss(training.replicas().get(0), 0, BATCH).getFloat();
    });
  }
}
