package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.nn.Precision;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link LoadOptions#precision} changes and what it leaves. */
class StableDiffusionPrecisionTest {
  private static final List<String> PROMPTS = List.of("a cat", "a dog");
  private static final double RELATIVE = 0.05;

  static Stream<Pipeline> pipelines() throws IOException {
    return Golden.pipelines(Golden.folders("pipelines")).stream();
  }

  private static StableDiffusion open(Pipeline pipeline, Precision precision) throws IOException {
    return StableDiffusion.load(
        pipeline.folder(),
        LoadOptions.defaults().device(Golden.device()).threads(1).precision(precision));
  }

  private static float[] prediction(StableDiffusion model) {
    ModelDescriptor shape = model.descriptor();
    try (NDManager manager = model.manager().newSubManager()) {
      NDArray latents =
          RandomStreams.gaussian(
              manager,
              new Shape(
                  PROMPTS.size(),
                  shape.latentChannels(),
                  shape.latentHeight(),
                  shape.latentWidth()),
              RandomStreams.stream(3, "latents", 0));
      NDArray timesteps = manager.create(new long[] {500, 20});
      return model.predict(latents, timesteps, model.encode(PROMPTS, manager)).toFloatArray();
    }
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void bfloat16PredictsNearlyTheSame(Pipeline pipeline) throws IOException {
    float[] full;
    try (StableDiffusion model = open(pipeline, Precision.FLOAT32)) {
      full = prediction(model);
    }
    try (StableDiffusion model = open(pipeline, Precision.BF16_MATMUL)) {
      float[] narrow = prediction(model);
      double difference = 0;
      double scale = 0;
      for (int i = 0; i < full.length; i++) {
        difference = Math.max(difference, Math.abs(narrow[i] - full[i]));
        scale = Math.max(scale, Math.abs(full[i]));
      }
      assertThat(difference).isPositive().isLessThan(RELATIVE * scale);
      List<BufferedImage> images =
          LatentSampler.of(model).settings(SamplingSettings.defaults().steps(2)).draw(PROMPTS, 5);
      assertThat(images).hasSize(PROMPTS.size());
    }
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void theWeightsAreTheSame(Pipeline pipeline) throws IOException {
    try (StableDiffusion full = open(pipeline, Precision.FLOAT32);
        StableDiffusion narrow = open(pipeline, Precision.BF16_MATMUL)) {
      assertThat(narrow.weights().sha256()).isEqualTo(full.weights().sha256());
    }
  }
}
