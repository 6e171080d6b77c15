package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.event.AblationEvent;
import dev.ablation.event.AblationEvent.AnchorsProgressed;
import dev.ablation.event.AblationEvent.Resumed;
import dev.ablation.event.AblationEvent.StepCompleted;
import dev.ablation.golden.Golden;
import dev.ablation.listener.SampleImages;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** The engine's gradients, optimiser and restored arrays give the bytes of an uninterrupted run. */
@Tag("slow")
class InterruptedRunTest {
  @TempDir Path folder;

  private StableDiffusion model;

  @BeforeEach
  void open() throws IOException {
    // Smaller images than the pipeline's: all that is compared are bytes.
    PipelineCopy copy = PipelineCopy.into(folder.resolve("pipeline"));
    copy.set("unet/config.json", "sample_size", "8");
    model = StableDiffusion.load(copy.root(), LoadOptions.defaults().device(Golden.device()));
  }

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan() {
    return Ablator.of(model)
        .target(Concept.style("Van Gogh"))
        .anchor(
            AnchorStrategy.generated("painting", List.of("painting of a boat", "painting"))
                .images(4)
                .sampling(SamplingSettings.defaults().steps(2).batchSize(2)))
        .objective(
            AblationObjective.modelBased().plus(AblationObjective.priorPreservation().times(0.2)))
        .training(t -> t.steps(5).batchSize(2).accumulation(2).learningRate(1e-3));
  }

  private byte[] run(Ablation plan) throws IOException {
    try (AblationResult result = plan.run()) {
      Path file = folder.resolve("delta");
      Files.deleteIfExists(file);
      result.delta().save(file);
      return Files.readAllBytes(file);
    }
  }

  /** Only an {@link Error} gets through from a listener. */
  private static final class Crash extends Error {
    private static final long serialVersionUID = 1L;
  }

  @TestFactory
  Stream<DynamicTest> endsWithTheSameBytes() {
    Map<String, UnaryOperator<Ablation>> changes = new LinkedHashMap<>();
    changes.put("keys and values", p -> p.weights(WeightGroup.crossAttentionKeyValue()));
    changes.put("rows of the token table", p -> p.weights(WeightGroup.tokenEmbeddings()));
    changes.put("whole UNet", p -> p.weights(WeightGroup.denoiser()));
    changes.put("low rank", p -> p.training(t -> t.lora(Lora.rank(2))));
    return changes.entrySet().stream()
        .map(each ->
            dynamicTest(each.getKey(), () -> assertSameBytes(each.getKey(), each.getValue())));
  }

  private void assertSameBytes(String name, UnaryOperator<Ablation> change) throws IOException {
    byte[] expected = run(change.apply(plan()));
    Path runs = folder.resolve(name);
    Ablation plan = change.apply(plan()).checkpoints(Checkpoints.in(runs).every(2));
    crash(plan, event -> event instanceof AnchorsProgressed p && p.done() == 6);
    crash(plan, event -> event instanceof StepCompleted step && step.step() == 3);
    List<Integer> resumed = new ArrayList<>();
    SampleImages samples =
        SampleImages.in(runs.resolve("images"), List.of("a boat"))
            .every(1)
            .sampling(SamplingSettings.defaults().steps(2));
    byte[] continued =
        run(
            plan.listener(samples)
                .listener(event -> {
                  if (event instanceof Resumed at) {
                    resumed.add(at.step());
                  }
                }));
    assertThat(resumed).containsExactly(2);
    assertThat(continued).isEqualTo(expected);
  }

  private static void crash(Ablation plan, Predicate<AblationEvent> when) {
    assertThatExceptionOfType(Crash.class)
        .isThrownBy(() ->
            plan.listener(
                    event -> {
                      if (when.test(event)) {
                        throw new Crash();
                      }
                    })
                .run());
  }
}
