package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.delta.WeightDelta;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.event.AblationEvent.Warning;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraFactors;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.WeightGroup;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.TrainingResult.Step;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Plans that train low-rank changes. */
class LoraPlanTest {
  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final List<AblationEvent> events = new ArrayList<>();
  private final String before = model.weights().sha256();

  @AfterEach
  void close() {
    for (WeightInfo info : model.weights().list()) {
      assertThat(model.weights().isBound(info.name())).as(info.name()).isFalse();
    }
    assertThat(model.weights().sha256()).isEqualTo(before);
    model.close();
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(
            AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats"))
                .images(4)
                .sampling(SamplingSettings.defaults().steps(2).batchSize(2)))
        .training(t -> t.steps(4).batchSize(2).learningRate(0.01).lora(Lora.rank(2).alpha(4)))
        .listener(events::add);
  }

  /** From now on one weight alone has a low-rank form. */
  private void queryAlone() {
    LoraTraining training = model.capability(LoraTraining.class).orElseThrow();
    model.with(LoraTraining.class, new QueryAlone(training));
  }

  private static double mean(List<Step> steps) {
    return steps.stream().mapToDouble(Step::loss).average().orElseThrow();
  }

  @Test
  void learnsAnAdapter() {
    try (AblationResult result =
        plan()
            .objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
            .training(t -> t.steps(80).batchSize(4).learningRate(0.03))
            .run()) {
      WeightDelta delta = result.delta();
      assertThat(delta.names()).containsExactly("network.key", "network.value");
      assertThat(delta.isLowRank()).isTrue();
      for (String name : delta.names()) {
        LoraFactors factors = delta.lowRank(name).orElseThrow();
        assertThat(factors.rank()).isEqualTo(2);
        assertThat(factors.scale()).isEqualTo(2);
        assertThat(delta.get(name).abs().max().getFloat()).as(name).isPositive();
      }
      assertThat(mean(result.history().subList(70, 80)))
          .isLessThan(0.85 * mean(result.history().subList(0, 10)));
      assertThat(result.provenance().settings())
          .containsEntry("training.lora", "rank 2, alpha 4.0, GAUSSIAN");
      assertThat(result.provenance().baseWeightSha256())
          .containsOnlyKeys("network.key", "network.value");
      assertThat(delta.differencesFrom(model)).isEmpty();
    }
  }

  @Test
  void everySeedHasItsStart() {
    try (AblationResult one = plan().seed(4).run();
        AblationResult two = plan().seed(4).run();
        AblationResult other = plan().seed(5).run()) {
      assertThat(two.history()).isEqualTo(one.history());
      assertThat(down(two)).isEqualTo(down(one)).isNotEqualTo(down(other));
    }
  }

  private static float[] down(AblationResult result) {
    return result.delta().lowRank("network.key").orElseThrow().down().toFloatArray();
  }

  @Test
  void startsAsPeftDoes() {
    WeightInfo info =
        model.weights().list().stream()
            .filter(each -> each.name().equals("text.table"))
            .findFirst()
            .orElseThrow();
    try (NDManager scope = model.manager().newSubManager()) {
      for (Lora.Start start : Lora.Start.values()) {
        LoraFactors factors = Lora.rank(500).start(start).initial(info, 1, scope);
        double sum = 0;
        double squares = 0;
        double largest = 0;
        float[] values = factors.down().toFloatArray();
        for (float value : values) {
          sum += value;
          squares += (double) value * value;
          largest = Math.max(largest, Math.abs(value));
        }
        double bound = 1 / Math.sqrt(8); // 8 inputs
        double deviation = start == Lora.Start.GAUSSIAN ? 1 / 500.0 : bound / Math.sqrt(3);
        assertThat(sum / values.length).isCloseTo(0, within(0.05 * deviation));
        assertThat(Math.sqrt(squares / values.length))
            .as(start.name())
            .isCloseTo(deviation, within(0.03 * deviation));
        if (start == Lora.Start.KAIMING) {
          assertThat(largest).isBetween(0.99 * bound, bound);
        }
        assertThat(factors.up().toFloatArray()).containsOnly(0);
      }
    }
  }

  @Test
  void weightsWithoutALowRankFormKeepTheirValues() {
    WeightGroup group =
        new WeightGroup(
            "query and time", info -> info.name().matches("network\\.(query|time|skip)"));
    queryAlone();
    try (AblationResult result = plan().weights(group).run()) {
      assertThat(result.delta().names()).containsExactly("network.query");
      assertThat(events)
          .filteredOn(Warning.class::isInstance)
          .extracting(event -> ((Warning) event).message())
          .containsExactly(
              "2 of 3 chosen weights have no low-rank form and keep their values: network.skip,"
                  + " network.time");
    }
  }

  @Test
  void aGroupWithoutALowRankFormIsRefused() {
    queryAlone();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan().run())
        .withMessage(
            "lora needs linear maps or convolutions, but the chosen weights are none: network.key,"
                + " network.value");
    assertThat(events).hasSize(1);
  }

  @Test
  void tokenEmbeddingsAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            plan()
                .weights(WeightGroup.crossAttentionKeyValue().or(WeightGroup.tokenEmbeddings()))
                .run())
        .withMessageContaining("text.table")
        .withMessageContaining("trained by rows");
  }

  @Test
  void aModelThatCannotIsRefusedBeforeAnyWork() {
    model.without(LoraTraining.class);
    assertThatExceptionOfType(UnsupportedCapabilityException.class)
        .isThrownBy(() -> plan().run())
        .satisfies(e -> assertThat(e.capability()).isEqualTo("LoraTraining"));
    assertThat(plan().check())
        .singleElement()
        .asString()
        .startsWith(
            "model 'tiny-1' has no capability LoraTraining, which training low-rank changes needs");
    assertThat(events).hasSize(1);
  }

  @Test
  void anEstimateCountsTheFactors() {
    Estimate estimate = plan().estimate();
    assertThat(estimate.problems()).isEmpty();
    assertThat(estimate.trained()).isEqualTo(new Estimate.Trained(4, 2 * 2 * (8 + 5)));
  }

  @Test
  void theTextEncoderLearnsToo() {
    try (AblationResult result =
        plan().weights(WeightGroup.ofRoles("text", WeightRole.TEXT_ENCODER)).run()) {
      assertThat(result.delta().names()).containsExactly("text.projection");
      assertThat(result.delta().norm()).isPositive();
    }
  }

  @Test
  void aRunUnderAnAppliedDeltaSaysSo() {
    try (AblationResult first = plan().run()) {
      assertThat(first.provenance().settings()).doesNotContainKey("base.applied.sha256");
      WeightDelta.Applied applied = first.delta().applyTo(model);
      try (AblationResult second = plan().seed(8).run();
          WeightDelta both = first.delta().plus(second.delta())) {
        assertThat(Optional.ofNullable(second.provenance().settings().get("base.applied.sha256")))
            .hasValueSatisfying(bound -> assertThat(bound).matches("\\w{64}"));
        assertThat(both.isLowRank()).isTrue();
      } finally {
        applied.close();
      }
    }
  }

  @Test
  void goesOnWhereItWasInterrupted(@TempDir Path folder) throws IOException {
    Ablation plan = plan().training(t -> t.steps(6));
    AtomicBoolean interrupt = new AtomicBoolean(true);
    Ablation kept =
        plan.checkpoints(Checkpoints.in(folder.resolve("checkpoints")).every(2))
            .listener(event -> {
              if (event instanceof StepCompleted step
                  && step.step() == 3
                  && interrupt.getAndSet(false)) {
                Thread.currentThread().interrupt();
              }
            });
    assertThatThrownBy(kept::run).isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
    try (AblationResult whole = plan.run();
        AblationResult continued = kept.run()) {
      assertThat(continued.history()).isEqualTo(whole.history());
      whole.delta().save(folder.resolve("whole"));
      continued.delta().save(folder.resolve("continued"));
      assertThat(folder.resolve("continued")).hasSameBinaryContentAs(folder.resolve("whole"));
    }
    assertThatThrownBy(() -> kept.training(t -> t.lora(Lora.rank(3))).run())
        .hasMessageContaining("training.lora");
  }
}
