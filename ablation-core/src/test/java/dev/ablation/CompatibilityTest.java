package dev.ablation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.CheckpointMismatchException;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.delta.WeightDelta;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.AnchorsProgressed;
import dev.ablation.event.AblationEvent.Resumed;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.internal.LibraryVersion;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import dev.ablation.train.GradientTrainer;
import dev.ablation.train.LearningRateSchedule;
import dev.ablation.train.TrainingMonitor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files that version 0.1.0-SNAPSHOT wrote at commit d6df539 can still be read. They are never
 * written anew: the folder {@code compatibility} has three deltas of different forms, and the
 * folder of a run of ten steps that was killed in the seventh.
 */
class CompatibilityTest {
  private static final String VERSION = "0.1.0-SNAPSHOT";

  private final TinyDiffusion model = TinyDiffusion.open(1);
  private final List<AblationEvent> events = new ArrayList<>();

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target("grumpy cat")
        .anchor(
            AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats", "the cat"))
                .images(5)
                .sampling(SamplingSettings.defaults().steps(2).batchSize(2)))
        .training(t -> t.steps(10).batchSize(2).learningRate(0.02))
        .seed(3)
        .listener(events::add);
  }

  private static GradientTrainer decaying(GradientTrainer trainer) {
    return trainer.schedule(LearningRateSchedule.cosine(3, 0));
  }

  /** The plan of the killed run. */
  private Ablation full() {
    return plan()
        .training(t ->
            decaying(t)
                .measure(
                    "first of the key",
                    2,
                    of -> of.weights().get("network.key").toFloatArray()[0]));
  }

  private Ablation rows() {
    return plan()
        .weights(WeightGroup.crossAttentionKeyValue().or(WeightGroup.tokenEmbeddings()))
        .training(t ->
            decaying(t)
                .measure(
                    "size of the key",
                    2,
                    of -> {
                      try (NDArray square = of.weights().get("network.key").square();
                          NDArray sum = square.sum()) {
                        return sum.getFloat();
                      }
                    })
                .monitor(TrainingMonitor.keepingLowest("size of the key")));
  }

  private static Path file(String name) {
    try {
      return Path.of(CompatibilityTest.class.getResource("/compatibility/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private WeightDelta delta(String name) throws IOException {
    return WeightDelta.load(file(name), model.manager());
  }

  /** The same plan gives the same delta, but for the rounding of another processor. */
  private void assertSame(WeightDelta delta, WeightDelta expected) {
    assertThat(delta.names()).isEqualTo(expected.names());
    for (String name : expected.names()) {
      assertThat(delta.get(name).toFloatArray())
          .as(name)
          .containsExactly(expected.get(name).toFloatArray(), within(1e-4f));
    }
    assertThat(delta.provenance().settings()).isEqualTo(expected.provenance().settings());
    assertThat(delta.provenance().baseWeightSha256())
        .isEqualTo(expected.provenance().baseWeightSha256());
  }

  @Test
  void deltasInFullAreRead() throws IOException {
    try (WeightDelta old = delta("full.safetensors");
        AblationResult now = full().run()) {
      assertThat(old.differencesFrom(model)).isEmpty();
      assertThat(old.provenance().targets()).containsExactly("instance 'grumpy cat'");
      assertSame(now.delta(), old);
    }
  }

  @Test
  void deltasOfRowsAreRead() throws IOException {
    try (WeightDelta old = delta("rows.safetensors");
        AblationResult now = rows().run()) {
      assertThat(old.differencesFrom(model)).isEmpty();
      assertThat(old.sizeInBytes()).isLessThan(4 * model.weights().get("text.table").size());
      assertSame(now.delta(), old);
    }
  }

  @Test
  void lowRankDeltasAreRead() throws IOException {
    try (WeightDelta old = delta("low-rank.safetensors");
        AblationResult now = plan().training(t -> t.steps(4).lora(Lora.rank(2).alpha(4))).run()) {
      assertThat(old.differencesFrom(model)).isEmpty();
      assertThat(old.isLowRank()).isTrue();
      assertSame(now.delta(), old);
    }
  }

  @Test
  void anInterruptedRunGoesOn(@TempDir Path temporary) throws IOException {
    Path folder = temporary.resolve("run");
    TestFolders.copy(file("run"), folder);
    Ablation plan = full().checkpoints(Checkpoints.in(folder).every(3).keep(1));
    if (!LibraryVersion.get().equals(VERSION)) {
      // A version goes on with its own runs alone; all that the plan says must still agree.
      assertThatExceptionOfType(CheckpointMismatchException.class)
          .isThrownBy(plan::run)
          .satisfies(e -> assertThat(e.differences()).containsOnlyKeys("library.version"));
      return;
    }
    try (AblationResult result = plan.run();
        WeightDelta whole = delta("full.safetensors")) {
      assertSame(result.delta(), whole);
      assertThat(result.history()).hasSize(10).allMatch(step -> step.loss() > 0);
      assertThat(result.measurements()).hasSize(5);
      assertThat(result.measurements().get(0).value()).isCloseTo(0.029318, within(1e-5));
    }
    assertThat(events).filteredOn(Resumed.class::isInstance).hasSize(1);
    assertThat(events).filteredOn(StepCompleted.class::isInstance).hasSize(4);
    assertThat(events)
        .filteredOn(AnchorsProgressed.class::isInstance)
        .as("the images of the old run are used")
        .isNotEmpty()
        .allMatch(event -> ((AnchorsProgressed) event).fromCache());
  }
}
