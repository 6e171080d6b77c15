package dev.ablation.djl.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.clip.SmallClip;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.random.RandomStreams;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The gradient through decoder and evaluator, on untrained networks. */
class ClipGuideTest {
  @TempDir private Path folder;

  @Test
  void theGradientIsThatOfTheTextsShare() throws IOException {
    Path pipeline = Golden.pipelines(Golden.folders("pipelines")).get(0).folder();
    try (StableDiffusion model =
            StableDiffusion.load(
                pipeline, LoadOptions.defaults().device(Golden.device()).threads(1));
        Clip clip = Clip.untrained(SmallClip.folder(folder, ""), SmallClip.options(), 1);
        NDManager scope = model.manager().newSubManager();
        // @start region="clip-guide"
        ClipGuide guide = new ClipGuide(clip, model, "a Van Gogh", List.of("a painting", "a photo"))
        // @end
        ) {
      int arrays = clip.manager().getManagedArrays().size();
      assertThat(guide.name()).contains("'a Van Gogh' among");
      guide.check(model);
      assertThat(clip.manager().getManagedArrays()).as("no text is embedded yet").hasSize(arrays);
      int channels = model.descriptor().latentChannels();
      Shape shape = new Shape(2, channels, 8, 8);
      NDArray latents =
          RandomStreams.gaussian(scope, shape, RandomStreams.stream(1, "latents", 0)).duplicate();
      NDArray gradient = guide.gradient(latents);
      assertThat(gradient.getShape()).isEqualTo(shape);
      assertThat(clip.manager().getManagedArrays()).hasSize(arrays + 1);
      NDArray direction = gradient.div(gradient.norm());
      double slope = gradient.norm().getFloat();
      double step = 0.05;
      double up = guide.logarithm(latents.add(direction.mul(step))).getFloat();
      double down = guide.logarithm(latents.sub(direction.mul(step))).getFloat();
      assertThat((up - down) / (2 * step)).isCloseTo(slope, within(0.05 * slope + 1e-4));
      assertThat(up).isGreaterThan(down);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new ClipGuide(clip, model, "a Van Gogh", List.of()))
          .withMessageContaining("others must not be empty");
    }
  }
}
