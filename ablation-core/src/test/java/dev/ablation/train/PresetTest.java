package dev.ablation.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.concept.ConceptKind;
import dev.ablation.model.AdamW;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PresetTest {

  /** 2e-6 times 4 pairs times 2 GPUs, in 100 steps, as the reference's commands say. */
  @ParameterizedTest
  @EnumSource(names = {"STYLE", "INSTANCE"})
  void diffusersHasTheReferencesNumbers(ConceptKind kind) {
    Preset preset = Preset.diffusers(kind);
    GradientTrainer training = preset.training();
    assertThat(preset.name()).isEqualTo("diffusers");
    assertThat(training.steps()).isEqualTo(100);
    assertThat(training.batchSize()).isEqualTo(4 * 2);
    assertThat(training.learningRate()).isCloseTo(2e-6 * 4 * 2, within(1e-20));
    assertThat(training.maxGradientNorm()).isEqualTo(1);
    assertThat(training.stopStartToken()).isTrue();
    assertThat(training.optimizer()).isEqualTo(new AdamW(0.9, 0.999, 1e-8, 0.01));
    assertThat(preset.weights().name()).isEqualTo("cross-attention-kv");
    assertThat(preset.objective().name()).isEqualTo("model-based");
    assertThat(preset.objective().usesPriorBatch()).isFalse();
  }
}
