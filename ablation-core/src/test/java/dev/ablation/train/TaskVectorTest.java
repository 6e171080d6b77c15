package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.event.AblationEvent;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.WeightGroup;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.testing.TinyDiffusion;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TaskVectorTest {
  private static final String SKIP = "network.skip";
  private static final TaskVector FEW =
      TaskVector.defaults()
          .images(5)
          .sampling(SamplingSettings.defaults().steps(2).batchSize(4))
          .training(t -> t.steps(3).batchSize(2).accumulation(1).learningRate(0.01));

  private final TinyDiffusion model = TinyDiffusion.open(1);

  @AfterEach
  void close() {
    model.close();
  }

  private Ablation plan(Trainer trainer) {
    return Ablator.of(model)
        .target("zebra")
        .anchor(AnchorStrategy.generated("cat", List.of("a photo of a cat", "two cats")))
        .weights(WeightGroup.denoiser())
        .trainer(trainer);
  }

  private float[] change(TaskVector trainer) {
    float[] base = model.weights().get(SKIP).toFloatArray();
    try (AblationResult result = plan(trainer).run()) {
      assertThat(result.history()).hasSize(3);
      float[] changed =
          result.delta().applied(model, () -> model.weights().get(SKIP).toFloatArray());
      for (int i = 0; i < base.length; i++) {
        changed[i] -= base[i];
      }
      return changed;
    }
  }

  @Test
  void whatIsSubtractedGrowsWithTheScale() {
    float[] half = change(FEW);
    float[] twice = change(FEW.scale(2));
    boolean changed = false;
    for (int i = 0; i < half.length; i++) {
      assertThat(twice[i]).isCloseTo(4 * half[i], within(1e-5f));
      changed |= Math.abs(half[i]) > 1e-3;
    }
    assertThat(changed).isTrue();
  }

  /** AdamW's first step is the learning rate, downhill in the loss on the target's images. */
  @Test
  void aStepBackIsTheOppositeOfTheFirstStepOfFineTuning() {
    float[] back = change(FEW.scale(1).training(t -> t.learningRate(1e-30)));
    assertThat(back).containsOnly(0);
    for (float value : change(FEW.scale(1).training(t -> t.steps(3).learningRate(0.01)))) {
      assertThat(Math.abs(value)).isBetween(0f, 3 * 0.0101f);
    }
  }

  @Test
  void theLeastScaleThatRemovesIsTaken() {
    TaskVector vector = FEW;
    // @start region="task-vector"
    TaskVector least =
        vector.leastScale(
            List.of(0.25, 0.5, 0.75, 1.0), "share of zebras", this::shareOfZebras, 0.05);
    AblationResult result =
        Ablator.of(model)
            .target("zebra")
            .anchor("horse")
            .weights(WeightGroup.denoiser())
            .trainer(least)
            .run();
    // @end
    try (result) {
      assertThat(result.measurements())
          .extracting(Measurement::name)
          .containsExactly("share of zebras at scale 0.25", "share of zebras at scale 0.5");
      assertThat(result.outcome().reason())
          .isEqualTo("what the fine-tuning changed was subtracted 0.5 times");
      assertThat(result.provenance().settings())
          .containsEntry("training.method", "negated task vector")
          .containsEntry("training.scales", "[0.25, 0.5, 0.75, 1.0]")
          .containsEntry("training.scales.until", "share of zebras <= 0.05");
    }
    assertThat(seen).hasSize(2).doesNotHaveDuplicates();
  }

  private final List<Float> seen = new ArrayList<>();

  private double shareOfZebras(DiffusionModel changed) {
    seen.add(changed.weights().get(SKIP).toFloatArray()[0]);
    return seen.size() == 1 ? 0.3 : 0;
  }

  @Test
  void noScaleThatRemovesIsAWarning() {
    List<String> warnings = new ArrayList<>();
    try (AblationResult result =
        plan(FEW.leastScale(List.of(0.5, 1.0), "share", changed -> 0.5, 0.1))
            .listener(event -> {
              if (event instanceof AblationEvent.Warning warning) {
                warnings.add(warning.message());
              }
            })
            .run()) {
      assertThat(warnings)
          .contains("share is 0.5 at the largest scale, 1.0, above the limit of 0.1");
      assertThat(result.outcome().reason()).contains("1.0 times");
    }
  }

  @Test
  void refusesWhatCannotBe() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FEW.scale(0))
        .withMessage("scales must be positive and ascending, were [0.0]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FEW.leastScale(List.of(1.0, 0.5), "share", changed -> 0, 0))
        .withMessage("scales must be positive and ascending, were [1.0, 0.5]");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FEW.images(0))
        .withMessage("images must be positive, was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FEW.training(t -> t.monitor(TrainingMonitor.keepingLowest("loss"))))
        .withMessageContaining("no monitors");
  }

  @Test
  void anEstimateMeasuresItsSteps() {
    assertThat(plan(FEW).estimate().steps()).isEqualTo(3);
    assertThat(FEW.requirements().anchorImages()).isFalse();
  }
}
