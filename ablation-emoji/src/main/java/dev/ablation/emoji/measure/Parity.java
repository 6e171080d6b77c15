package dev.ablation.emoji.measure;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.Gson;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.ModelDescriptor;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.sample.Images;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Writes what another implementation needs to draw the same images and to compare them: the latents
 * that they begin with, the captions, and the images.
 */
final class Parity {
  private static final int IMAGES = 8;

  private Parity() {}

  /** Captions of every kind: pairs of different styles, no style, the planted one. */
  private static List<String> captions() {
    List<String> styles = EmbeddedModel.styles();
    return List.of(
        EvaluationPrompt.pair("cat face", styles.get(0)).caption(),
        EvaluationPrompt.pair("rocket", styles.get(1)).caption(),
        EvaluationPrompt.pair("red apple", styles.get(2)).caption(),
        EvaluationPrompt.pair("owl", styles.get(3)).caption(),
        EvaluationPrompt.pair("trophy", styles.get(4)).caption(),
        EvaluationPrompt.pair("cactus", styles.get(5)).caption(),
        EvaluationPrompt.withoutStyle("umbrella").caption(),
        EmbeddedModel.plantedCaption());
  }

  /**
   * Draws and writes.
   *
   * @param file safetensors, new or replaced: {@code latents} (8, C, H, W), standard normal; {@code
   *     final_latents}, drawn from them; {@code images} (8, 3, 64, 64), 0..1, not rounded; in the
   *     metadata {@code prompts}, a JSON array, {@code steps} and {@code guidance_scale}
   */
  static void write(StableDiffusion model, SamplingSettings sampling, long seed, Path file)
      throws IOException {
    ModelDescriptor descriptor = model.descriptor();
    LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
    List<String> captions = captions();
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray latents =
          RandomStreams.gaussian(
              scope,
              new Shape(
                  IMAGES,
                  descriptor.latentChannels(),
                  descriptor.latentHeight(),
                  descriptor.latentWidth()),
              RandomStreams.stream(seed, "parity", 0));
      NDArray drawn =
          LatentSampler.of(model)
              .settings(sampling)
              .sample(captions, NoiseSource.ofInitial(latents, NoiseSource.ofSeed(seed)), scope);
      NDArray images = Images.toUnit(GradMode.with(false, () -> codec.decode(drawn)));
      SafetensorsWriter.write(
          file,
          Map.of("latents", latents, "final_latents", drawn, "images", images),
          Map.of(
              "prompts",
              new Gson().toJson(captions),
              "steps",
              Integer.toString(sampling.steps()),
              "guidance_scale",
              Double.toString(sampling.guidanceScale())));
    }
  }
}
