package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.model.AdamW;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.Optimizer;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.WeightInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** How a model trains low-rank changes beside its weights. */
public abstract class LowRankTrainingContract extends ModelContract {
  private static final Lora LORA = Lora.rank(2).alpha(3);

  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected LowRankTrainingContract(ModelFixture fixture) {
    super(fixture);
  }

  @Test
  final void startsLowRankChangesAtZero() {
    require(LoraTraining.class);
    Map<String, int[]> own = ownBits();
    int[] before = bits(encodeAndPredict());
    try (TrainingSession session = trainLowRank()) {
      assertThat(session.names()).hasSize(2 * lowRankWeights().size());
      int at = 0;
      for (String name : lowRankWeights()) {
        WeightInfo info = info(name);
        LoraFactors initial = LORA.initial(info, 3, scope);
        assertThat(session.names().subList(at, at + 2))
            .containsExactly(name + LoraFactors.DOWN, name + LoraFactors.UP);
        assertThat(bits(session.weights().get(at))).isEqualTo(bits(initial.down()));
        assertThat(bits(session.weights().get(at + 1))).containsOnly(0);
        assertThat(session.weights().get(at + 1).getShape()).isEqualTo(initial.up().getShape());
        assertThat(initial.shape()).isEqualTo(info.shape());
        assertThat(norm(session.weights().get(at))).isPositive();
        at += 2;
      }
      assertThat(ownBits()).usingRecursiveComparison().isEqualTo(own);
      assertThat(bits(encodeAndPredict())).isEqualTo(before);
      step(session, session.optimizer(AdamW.reference()), 1);
      assertThat(bits(encodeAndPredict())).as("after a step").isNotEqualTo(before);
      assertThat(ownBits()).usingRecursiveComparison().isEqualTo(own);
    }
    assertThat(bits(encodeAndPredict())).as("after the session").isEqualTo(before);
  }

  @Test
  final void predictsWithLowRankChangesAsWithTheirSum() {
    require(LoraTraining.class);
    int[] before = bits(encodeAndPredict());
    NDArray changed;
    List<LoraFactors> factors;
    try (TrainingSession session = trainLowRank()) {
      disturb(session);
      changed = encodeAndPredict();
      assertThat(bits(changed)).isNotEqualTo(before);
      assertThat(bits(session.withoutGradients(this::encodeAndPredict))).isEqualTo(bits(changed));
      assertThat(bits(session.withBaseWeights(this::encodeAndPredict))).isEqualTo(before);
      assertThatThrownBy(() -> session.withBaseWeights(ModelContract::fail))
          .isInstanceOf(Failure.class);
      assertThat(bits(encodeAndPredict())).as("after a body that throws").isEqualTo(bits(changed));
      factors = factors(session);
    }
    assertThat(bits(encodeAndPredict())).as("after the session").isEqualTo(before);
    bindSums(factors);
    assertClose(changed, encodeAndPredict());
  }

  /** By the chain rule: {@code dA = s B^T dW} and {@code dB = s dW A^T}. */
  @Test
  final void gradientsOfFactorsAreThoseOfTheirSum() {
    require(LoraTraining.class);
    List<String> names = lowRankWeights();
    List<LoraFactors> factors;
    NDList found;
    try (TrainingSession session = trainLowRank()) {
      disturb(session);
      found = session.gradients(this::lossOfAll, scope).values();
      factors = factors(session);
    }
    bindSums(factors);
    NDList full;
    try (TrainingSession session =
        require(Differentiable.class).train(names, new GradientOptions(false))) {
      full = session.gradients(this::lossOfAll, scope).values();
    }
    for (int i = 0; i < names.size(); i++) {
      LoraFactors each = factors.get(i);
      NDArray weight = full.get(i).reshape(full.get(i).getShape().get(0), -1);
      NDArray a = each.down().reshape(each.rank(), -1);
      NDArray b = each.up().reshape(-1, each.rank());
      float scale = (float) each.scale();
      assertSame(names.get(i) + " A", found.get(2 * i), b.transpose().matMul(weight).mul(scale));
      assertSame(
          names.get(i) + " B", found.get(2 * i + 1), weight.matMul(a.transpose()).mul(scale));
    }
  }

  private void assertSame(String name, NDArray actual, NDArray expected) {
    NDArray flat = expected.reshape(actual.getShape());
    assertThat(norm(flat)).as(name).isPositive();
    assertThat(norm(actual.sub(flat))).as(name).isLessThan(2e-3 * norm(flat));
  }

  @Test
  final void gradientsOfFactorsAreThoseOfFiniteDifferences() {
    require(LoraTraining.class);
    float h = 1e-2f;
    try (TrainingSession session = trainLowRank()) {
      disturb(session);
      Loss loss = new Loss();
      NDList gradients = session.gradients(this::lossOfAll, scope).values();
      for (int i = 0; i < gradients.size(); i++) {
        NDArray direction = gradients.get(i).div((float) norm(gradients.get(i)));
        double above = moved(session, i, direction.mul(h), loss);
        double below = moved(session, i, direction.mul(-2 * h), loss);
        moved(session, i, direction.mul(h), loss);
        double expected = norm(gradients.get(i));
        assertThat((above - below) / (2 * h))
            .as(session.names().get(i))
            .isCloseTo(expected, within(0.05 * expected + 1e-5));
      }
    }
  }

  private double moved(TrainingSession session, int index, NDArray by, Loss loss) {
    session.withoutGradients(() -> session.weights().get(index).addi(by));
    return loss.inDouble(encodeAndPredict());
  }

  /** The teacher with frozen weights is the network with the changes switched off. */
  @Test
  final void lowRankTrainingHoldsNoSecondCopyOfAWeight() {
    require(LoraTraining.class);
    long before = managedBytes();
    try (TrainingSession session = trainLowRank()) {
      long factors = session.weights().stream().mapToLong(NDArray::size).sum() * Float.BYTES;
      assertThat(managedBytes() - before).isEqualTo(factors);
      Optimizer optimizer = session.optimizer(AdamW.reference());
      lowRankStep(session, optimizer);
      long during = managedBytes();
      int arrays = managedArrays();
      assertThat(during - before).isLessThan(3 * factors + 1024);
      for (int i = 0; i < 3; i++) {
        lowRankStep(session, optimizer);
        assertThat(managedBytes()).as("after step %s", i).isEqualTo(during);
        assertThat(managedArrays()).as("after step %s", i).isEqualTo(arrays);
      }
    }
    assertThat(managedBytes()).isEqualTo(before);
  }

  private void lowRankStep(TrainingSession session, Optimizer optimizer) {
    NDManager outer = scope;
    try (NDManager own = model.manager().newSubManager()) {
      scope = own;
      Supplier<NDArray> loss =
          () ->
              encodeAndPredict()
                  .sub(session.withBaseWeights(this::encodeAndPredict))
                  .sub(gaussian("aim", latentShape(2)))
                  .square()
                  .mean();
      optimizer.step(session.gradients(loss, own).values(), 1e-4, 1);
    } finally {
      scope = outer;
    }
  }

  @Test
  final void continuesLowRankTrainingFromWhatWasSaved() {
    require(LoraTraining.class);
    List<int[]> expected;
    List<NDList> saved = new ArrayList<>();
    List<String> names;
    try (TrainingSession session = trainLowRank()) {
      Optimizer optimizer = session.optimizer(AdamW.reference());
      step(session, optimizer, 2);
      names = session.names();
      for (NDList each : List.of(session.weights(), optimizer.moments())) {
        NDList copies = new NDList();
        each.forEach(array -> copies.add(scope.create(array.toFloatArray(), array.getShape())));
        saved.add(copies);
      }
      optimizer.step(gradients(session, 9), 1e-3, 1);
      expected = bits(session.weights(), optimizer.moments());
    }
    try (TrainingSession session =
        require(LoraTraining.class)
            .train(lowRankWeights(), LORA, 99, GradientOptions.reference())) {
      assertThat(session.names()).isEqualTo(names);
      session.withoutGradients(() -> {
        for (int i = 0; i < names.size(); i++) {
          saved.get(0).get(i).copyTo(session.weights().get(i));
        }
        return names;
      });
      Optimizer optimizer = session.optimizer(AdamW.reference());
      optimizer.restore(saved.get(1), 2);
      optimizer.step(gradients(session, 9), 1e-3, 1);
      assertThat(bits(session.weights(), optimizer.moments()))
          .usingElementComparator(Arrays::compare)
          .isEqualTo(expected);
    }
  }

  @Test
  final void refusesWhatItCannotTrainInLowRank() {
    LoraTraining training = require(LoraTraining.class);
    GradientOptions options = GradientOptions.reference();
    String name = lowRankWeights().get(0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.hasLowRankForm("no such weight"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.train(List.of(), LORA, 0, options));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.train(List.of(name, name), LORA, 0, options))
        .withMessageContaining(name);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> training.train(List.of("no such weight"), LORA, 0, options))
        .withMessageContaining("no such weight");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            training.train(
                List.of(name), LORA, 0, new GradientOptions(true, Map.of(name, Set.of(0)), false)))
        .withMessageContaining(name);
    for (WeightInfo info : model.weights().list()) {
      if (!training.hasLowRankForm(info.name())) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> training.train(List.of(name, info.name()), LORA, 0, options))
            .withMessageContaining(info.name());
      }
    }
    try (TrainingSession session = trainLowRank()) {
      assertThat(session.names()).isNotEmpty();
      assertThatIllegalStateException().isThrownBy(this::trainLowRank);
      assertThatIllegalStateException().isThrownBy(this::train);
    }
    trainLowRank().close();
  }

  private TrainingSession trainLowRank() {
    return require(LoraTraining.class).train(lowRankWeights(), LORA, 3, new GradientOptions(false));
  }

  /** Gives A and B values that matter. */
  private void disturb(TrainingSession session) {
    session.withoutGradients(() -> {
      for (int i = 0; i < session.weights().size(); i++) {
        NDArray array = session.weights().get(i);
        array.addi(gaussian("factor " + i, array.getShape()).mul(0.1f));
      }
      return session;
    });
  }

  /** Copies, which outlive the session. */
  private List<LoraFactors> factors(TrainingSession session) {
    NDList copies = new NDList();
    session
        .weights()
        .forEach(array -> copies.add(scope.create(array.toFloatArray(), array.getShape())));
    return IntStream.range(0, copies.size() / 2)
        .mapToObj(i -> new LoraFactors(copies.get(2 * i), copies.get(2 * i + 1), LORA.scale()))
        .toList();
  }

  private void bindSums(List<LoraFactors> factors) {
    for (int i = 0; i < factors.size(); i++) {
      String name = lowRankWeights().get(i);
      model.weights().bind(name, model.weights().get(name).add(factors.get(i).product(scope)));
    }
  }

  /** A loss that depends on the text encoder's weights too. */
  private NDArray lossOfAll() {
    return encodeAndPredict().sub(gaussian("aim", latentShape(2))).square().mean();
  }

  private WeightInfo info(String name) {
    return model.weights().list().stream()
        .filter(info -> info.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private long managedBytes() {
    return model.manager().getManagedArrays().stream()
        .mapToLong(array -> array.size() * array.getDataType().getNumOfBytes())
        .sum();
  }
}
