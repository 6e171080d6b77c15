package dev.ablation.emoji.training;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.vae.VaeConfig;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.model.AdamW;
import dev.ablation.train.LearningRateSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each stage learns. */
@Tag("slow")
class StagesTest {
  private final NDManager manager = NDManager.newBaseManager("PyTorch");
  @TempDir Path folder;

  @AfterEach
  void close() {
    manager.close();
  }

  private static StageSettings settings(int steps, int batch, double rate) {
    return new StageSettings(
        steps,
        batch,
        rate,
        LearningRateSchedule.constantWithWarmUp(3),
        new AdamW(0.9, 0.99, 1e-8, 0.01),
        1,
        0.5,
        1,
        0);
  }

  private List<Double> train(Stage<?> stage, StageSettings settings, String column)
      throws IOException {
    new StageRun<>(
            stage,
            settings,
            folder,
            new StageRun.Pace(settings.steps() / 4, 1000, Duration.ofHours(1), Duration.ofHours(1)))
        .run(2, manager, (name, step, steps, message) -> {}, () -> false);
    List<String> lines = Files.readAllLines(folder.resolve(stage.name() + ".csv"));
    int at = List.of(lines.get(0).split(",")).indexOf(column);
    return lines.stream().skip(1).map(line -> Double.valueOf(line.split(",")[at])).toList();
  }

  @Test
  void theAutoencoderLearnsToReconstruct() throws IOException {
    VaeConfig config =
        VaeConfig.of(
            JsonConfig.empty()
                .with("latent_channels", 2)
                .with("block_out_channels", Collections.nCopies(3, 4))
                .with("down_block_types", Collections.nCopies(3, "DownEncoderBlock2D"))
                .with("up_block_types", Collections.nCopies(3, "UpDecoderBlock2D"))
                .with("norm_num_groups", 2)
                .with("mid_block_add_attention", false)
                .with("scaling_factor", 1));
    List<Double> psnr =
        train(
            new VaeStage(config, EmojiDataSet.load(), 1, Precision.BF16_MATMUL),
            settings(40, 4, 1e-2),
            "held_out_psnr");
    assertThat(psnr.get(3)).isGreaterThan(psnr.get(0) + 0.5);
  }

  @Test
  void theTextEncoderLearnsStyles() throws IOException {
    try (ClipTokenizer tokenizer =
        ClipTokenizer.load(EmbeddedModel.folder().resolve("tokenizer"), 24)) {
      ClipTextConfig config =
          ClipTextConfig.of(
              JsonConfig.empty()
                  .with("vocab_size", tokenizer.vocabularySize())
                  .with("hidden_size", 32)
                  .with("intermediate_size", 32)
                  .with("num_hidden_layers", 1)
                  .with("num_attention_heads", 2)
                  .with("max_position_embeddings", 24)
                  .with("eos_token_id", tokenizer.endId()));
      List<Double> right =
          train(
              new TextStage(config, tokenizer, EmojiDataSet.load(), 1),
              settings(80, 32, 1e-2),
              "held_out_style");
      assertThat(right.get(3)).isGreaterThan(0.5);
    }
  }
}
