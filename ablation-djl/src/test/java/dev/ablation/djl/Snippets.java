package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.ablation.djl.kernel.TorchRuntime;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The examples of this module's Javadoc, each inside of a test. {@link SnippetsTest} runs them. */
class Snippets {
  private final Path folder =
      Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1");

  @Test
  void load() throws IOException {
    // @start region="load"
    try (StableDiffusion model = StableDiffusion.load(folder)) {
      List<BufferedImage> pictures =
          LatentSampler.of(model)
              .withSettings(SamplingSettings.defaults().withSampler(model.sampler()).withSteps(20))
              .draw(List.of("a photo of a cat"), 42);
      assertThat(pictures).hasSize(1);
    }
    // @end
  }

  @Test
  void options() throws IOException {
    // @start region="options"
    StableDiffusionOptions options =
        StableDiffusionOptions.defaults().device(Device.cpu()).threads(1);
    try (StableDiffusion model = StableDiffusion.load(folder, options)) {
      assertThat(model.descriptor().device()).isEqualTo(Device.cpu());
    }
    // @end
    assertThat(TorchRuntime.engine().getEngineName()).isEqualTo("PyTorch");
  }
}
