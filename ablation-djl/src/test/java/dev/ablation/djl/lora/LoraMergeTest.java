package dev.ablation.djl.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.delta.DeltaMismatchException;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A fine-tuned model as the base of an ablation. */
class LoraMergeTest {
  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));
  private static final Path FILE =
      GOLDEN.resolve("formats").resolve("lora").resolve("attn2kv").resolve("kohya.safetensors");
  private static final String KEY =
      "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight";

  private StableDiffusion model;

  private static StableDiffusion load() throws IOException {
    return StableDiffusion.load(
        GOLDEN.resolve("pipelines").resolve("tiny-sd1"),
        LoadOptions.defaults().device(Golden.device()));
  }

  @BeforeEach
  void open() throws IOException {
    model = load();
  }

  @AfterEach
  void close() {
    model.close();
  }

  @Test
  void theSumIsTheBaseOfTheRun() throws IOException {
    String published = model.weights().sha256();
    float[] before = model.weights().get(KEY).toFloatArray();
    Path file = FILE;
    // @start region="merge"
    LoraFile.merge(file, model, 0.8);
    Ablator.TargetStage ablator = Ablator.of(model); // removes a concept from the fine-tuned model
    // @end
    float[] merged = model.weights().get(KEY).toFloatArray();
    assertThat(model.weights().sha256()).isNotEqualTo(published);
    assertThat(model.weights().isBound(KEY)).isFalse();
    try (WeightDelta lora = LoraFile.load(FILE, model)) {
      float[] change = lora.get(KEY).toFloatArray();
      for (int i = 0; i < before.length; i++) {
        assertThat(merged[i]).isCloseTo(before[i] + 0.8f * change[i], within(1e-6f));
      }
    }
    try (AblationResult result =
            ablator
                .target(Concept.style("Van Gogh"))
                .anchor(
                    AnchorStrategy.generated("painting", List.of("painting of a boat"))
                        .images(2)
                        .sampling(SamplingSettings.defaults().steps(2)))
                .training(t -> t.steps(1).batchSize(2))
                .run();
        StableDiffusion other = load()) {
      assertThat(result.provenance().baseSha256()).isEqualTo(model.weights().sha256());
      assertThat(result.delta().differencesFrom(model)).isEmpty();
      assertThat(result.delta().differencesFrom(other)).isNotEmpty();
      assertThat(other.weights().sha256()).isEqualTo(published);
      assertThatExceptionOfType(DeltaMismatchException.class)
          .isThrownBy(() -> result.delta().applyTo(other));
    }
  }

  @Test
  void theWeightMustBeANumber() {
    String published = model.weights().sha256();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> LoraFile.merge(FILE, model, Double.NaN))
        .withMessageContaining("NaN");
    assertThat(model.weights().sha256()).isEqualTo(published);
  }
}
