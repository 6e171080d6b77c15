package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ablation.Ablation;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.memory.MemoryUse;
import dev.ablation.memory.PeakMemory;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.train.GradientTrainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The peak memory that an estimate tells, against that of the run that it describes. */
class EstimatedMemoryTest {
  private static final double RELATIVE = 0.2;

  @TempDir private Path temp;

  /** What is trained. */
  enum Trained {
    KEYS_AND_VALUES(plan -> plan),
    WHOLE_NETWORK(plan -> plan.weights(WeightGroup.denoiser())),
    LOW_RANK(plan -> plan.weights(WeightGroup.attention()).training(EstimatedMemoryTest::withLora));

    private final UnaryOperator<Ablation> choice;

    Trained(UnaryOperator<Ablation> choice) {
      this.choice = choice;
    }
  }

  private static GradientTrainer withLora(GradientTrainer trainer) {
    return trainer.lora(Lora.rank(4));
  }

  @ParameterizedTest
  @EnumSource
  void isWithinAFifthOfTheRuns(Trained trained) throws IOException {
    assumeTrue(MemoryUse.resetPeak(), "the system does not count");
    PipelineCopy copy = PipelineCopy.into(temp.resolve("pipeline"));
    // Larger images than the network's own: its passes outweigh the rest of the process.
    copy.set("unet/config.json", "sample_size", "32");
    try (StableDiffusion model =
        StableDiffusion.load(
            copy.root(), LoadOptions.defaults().device(Golden.device()).threads(1))) {
      Ablation plan =
          trained.choice.apply(
              Ablator.of(model)
                  .target(Concept.style("Van Gogh"))
                  .anchor(
                      AnchorStrategy.generated(
                              "painting", List.of("painting of a boat", "painting"))
                          .images(4)
                          .sampling(SamplingSettings.defaults().steps(1).batchSize(4)))
                  .training(t -> t.steps(4).batchSize(4).learningRate(1e-5)));
      PeakMemory told = plan.estimate().peakMemory().orElseThrow();

      MemoryUse.resetPeak();
      plan.run().close();
      long peak =
          (told.ofDevice() ? MemoryUse.ofDevice(Golden.device()) : MemoryUse.peak()).orElseThrow();
      assertThat((double) told.bytes()).isCloseTo(peak, within(RELATIVE * peak));
    }
  }
}
