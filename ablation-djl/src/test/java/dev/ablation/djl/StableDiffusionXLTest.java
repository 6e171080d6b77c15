package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.djl.lora.LoraFile;
import dev.ablation.golden.Golden;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.LatentSize;
import dev.ablation.model.ModelViews;
import dev.ablation.random.RandomStreams;
import dev.ablation.safetensors.SafetensorsFile;
import dev.ablation.safetensors.SafetensorsWriter;
import dev.ablation.sample.Guidance;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What only SDXL has: its conditioning, its refusals, LoRA files of two text encoders. */
class StableDiffusionXLTest {
  @TempDir private Path temporary;
  private Path folder;

  @BeforeEach
  void copy() throws IOException {
    folder = temporary.resolve("model");
    String name =
        Golden.allPipelines(Golden.folders("pipelines")).stream()
            .filter(pipeline -> pipeline.className().equals("StableDiffusionXLPipeline"))
            .findFirst()
            .orElseThrow()
            .name();
    PipelineCopy.copy(Golden.path("pipelines/" + name), folder);
  }

  private StableDiffusionXL open() throws IOException {
    return StableDiffusionXL.load(folder, GoldenModels.options());
  }

  private void edit(String file, Consumer<JsonObject> change) throws IOException {
    JsonObject json = Golden.object(folder.resolve(file));
    change.accept(json);
    Files.writeString(folder.resolve(file), json.toString());
  }

  @Test
  void theOtherClassIsNamed() {
    assertThatThrownBy(() -> StableDiffusion.load(folder, GoldenModels.options()))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("StableDiffusionXL.load");
  }

  @Test
  void theRefinerIsRefused() throws IOException {
    edit(
        "model_index.json",
        json -> json.addProperty("_class_name", "StableDiffusionXLImg2ImgPipeline"));
    open().close(); // the base model, saved by another pipeline
    edit("model_index.json", json -> json.addProperty("requires_aesthetics_score", true));
    assertThatThrownBy(this::open)
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("refiner");
    edit(
        "model_index.json",
        json -> {
          json.remove("requires_aesthetics_score");
          json.add("text_encoder", JsonParser.parseString("[null, null]"));
        });
    assertThatThrownBy(this::open)
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("refiner")
        .hasMessageContaining("use the base model");
  }

  @Test
  void anotherNumberOfSizesIsRefused() throws IOException {
    JsonObject unet = Golden.object(folder.resolve("unet/config.json"));
    int fewer =
        unet.get("projection_class_embeddings_input_dim").getAsInt()
            - unet.get("addition_time_embed_dim").getAsInt();
    edit(
        "unet/config.json",
        json -> json.addProperty("projection_class_embeddings_input_dim", fewer));
    assertThatThrownBy(this::open)
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("projection_class_embeddings_input_dim")
        .hasMessageContaining("refiner");
  }

  @Test
  void zerosForTheEmptyPromptAreTheCheckpointsChoice() throws IOException {
    assertThat(largestOfEmpty()).isZero();
    edit("model_index.json", json -> json.addProperty("force_zeros_for_empty_prompt", false));
    assertThat(largestOfEmpty()).isPositive();
  }

  private double largestOfEmpty() throws IOException {
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager()) {
      Conditioning made = model.encode(List.of("a cat", ""), scope);
      assertThat(made.get(0).textEmbeddings().abs().max().getFloat()).isPositive();
      Conditioning empty = made.get(1);
      return empty.textEmbeddings().abs().max().getFloat()
          + empty.get(Conditioning.POOLED).abs().max().getFloat();
    }
  }

  @Test
  void aMissingConditionIsNamed() throws IOException {
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager()) {
      Conditioning made = model.encode(List.of("a cat"), scope);
      NDArray latents = scope.zeros(new Shape(1, 4, 16, 16));
      NDArray time = scope.create(new long[] {1});
      assertThatIllegalArgumentException()
          .isThrownBy(() -> model.predict(latents, time, new Conditioning(made.textEmbeddings())))
          .withMessageContaining(Conditioning.POOLED)
          .withMessageContaining(Conditioning.TIME_IDS);
    }
  }

  @Test
  void loraFilesOfBothTextEncodersAreReadAndWritten() throws IOException {
    Map<String, String> weights =
        Map.of(
            "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
            "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.weight",
            "lora_te2_text_model_encoder_layers_0_mlp_fc1",
            "text_encoder_2.text_model.encoder.layers.0.mlp.fc1.weight",
            "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k",
            "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight");
    Path file = temporary.resolve("lora.safetensors");
    Path again = temporary.resolve("again.safetensors");
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager()) {
      Map<String, NDArray> tensors = new LinkedHashMap<>();
      weights.forEach((module, weight) -> {
        Shape shape = model.weights().get(weight).getShape();
        tensors.put(module + ".lora_down.weight", scope.ones(new Shape(2, shape.get(1))));
        tensors.put(module + ".lora_up.weight", scope.ones(new Shape(shape.get(0), 2)));
        tensors.put(module + ".alpha", scope.create(1f));
      });
      SafetensorsWriter.write(file, tensors, Map.of());
      try (WeightDelta delta = LoraFile.load(file, model)) {
        assertThat(delta.names()).containsExactlyInAnyOrderElementsOf(weights.values());
        LoraFile.saveKohya(delta, model, again);
      }
      try (SafetensorsFile written = SafetensorsFile.open(again)) {
        assertThat(written.tensors().keySet()).isEqualTo(tensors.keySet());
      }
    }
  }

  // Options of the prompts

  @Test
  void theEncoderEncodesWithTheWeightsOfTheViewThatDraws() throws IOException {
    String name = "text_encoder_2.text_model.encoder.layers.0.mlp.fc1.weight";
    List<String> prompts = List.of("a cat");
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager();
        DiffusionModel view = model.capability(ModelViews.class).orElseThrow().view()) {
      view.weights().bind(name, model.weights().copy(name, scope).mul(2));
      SdxlPromptEncoder encoder = model.promptEncoder();
      assertSame(
          encoder.drawnBy(view).encode(prompts, size(), scope),
          view.encode(prompts, size(), scope));
      assertThat(view.encode(prompts, size(), scope).textEmbeddings().toFloatArray())
          .isNotEqualTo(model.encode(prompts, size(), scope).textEmbeddings().toFloatArray());
      assertThat(encoder.drawnBy(model)).isSameAs(encoder);
      SamplingSettings settings = SamplingSettings.defaultsFor(model).steps(1);
      assertThat(
              LatentSampler.of(view)
                  .settings(settings)
                  .encoders(encoder, encoder)
                  .sample(prompts, 4, scope)
                  .toFloatArray())
          .isEqualTo(
              LatentSampler.of(view).settings(settings).sample(prompts, 4, scope).toFloatArray());
    }
  }

  @Test
  void promptsHaveTheOptionsOfThePublishedPipeline() throws IOException {
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager()) {
      ImageSizes small = ImageSizes.of(32, 32).original(8, 16).crop(1, 2);
      ImageSizes large = ImageSizes.of(32, 32).original(64, 64);
      List<String> prompts = List.of("a cat", "a boat");
      List<Conditioning> seen = new ArrayList<>();
      SamplingSettings settings =
          SamplingSettings.defaultsFor(model).steps(2).batchSize(2).guidance(seen(seen));
      // @start region="sdxl-options"
      LatentSampler sampler =
          LatentSampler.of(model)
              .settings(settings.negativePrompt("blurred"))
              .encoders(
                  model.promptEncoder().secondPrompt(p -> p + " of glass").sizes(large),
                  model.promptEncoder().sizes(small));
      // @end
      NDArray drawn = sampler.sample(prompts, 4, scope);
      assertSame(
          seen.get(0),
          model.encode(prompts, List.of("a cat of glass", "a boat of glass"), 0, large, scope));
      assertSame(
          seen.get(1),
          model
              .encode(List.of("blurred"), List.of("blurred"), 0, small, scope)
              .map(array -> array.repeat(0, 2)));
      assertThat(
              drawn.allClose(LatentSampler.of(model).settings(settings).sample(prompts, 4, scope)))
          .isFalse();
      // No prompt at all is zeros with the sizes of the option.
      Conditioning none = model.promptEncoder().sizes(small).encode(List.of(""), size(), scope);
      assertThat(none.textEmbeddings().abs().max().getFloat()).isZero();
      assertThat(none.get(Conditioning.TIME_IDS).toFloatArray())
          .containsExactly(8, 16, 1, 2, 32, 32);
      Conditioning half =
          model.promptEncoder().secondPrompt("glass").encode(List.of(""), size(), scope);
      assertThat(half.textEmbeddings().abs().max().getFloat()).isPositive();
      assertSame(
          model.promptEncoder().clipSkip(1).encode(prompts, size(), scope),
          model.encode(
              prompts,
              prompts,
              1,
              ImageSizes.of(
                  size().height() * model.vae().config().downscaling(),
                  size().width() * model.vae().config().downscaling()),
              scope));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> model.promptEncoder().clipSkip(-1))
          .withMessage("clipSkip must not be negative, was -1");
    }
  }

  private static LatentSize size() {
    return new LatentSize(16, 16);
  }

  private static void assertSame(Conditioning actual, Conditioning expected) {
    assertThat(actual.names()).isEqualTo(expected.names());
    for (String name : expected.names()) {
      assertThat(actual.get(name).toFloatArray())
          .as(name)
          .isEqualTo(expected.get(name).toFloatArray());
    }
  }

  /** Guidance that keeps the positive and the negative conditioning. */
  private static Guidance seen(List<Conditioning> seen) {
    Guidance guidance = Guidance.classifierFree(3);
    return new Guidance() {
      @Override
      public String name() {
        return guidance.name();
      }

      @Override
      public double scale() {
        return guidance.scale();
      }

      @Override
      public boolean usesNegativePrompt() {
        return true;
      }

      @Override
      public Conditioning condition(Conditioning positive, @Nullable Conditioning negative) {
        if (seen.isEmpty()) {
          seen.add(
              positive
                  .map(NDArray::duplicate)
                  .attach(
                      positive
                          .textEmbeddings()
                          .getManager()
                          .getParentManager()
                          .getParentManager()));
          seen.add(
              Objects.requireNonNull(negative)
                  .map(NDArray::duplicate)
                  .attach(
                      positive
                          .textEmbeddings()
                          .getManager()
                          .getParentManager()
                          .getParentManager()));
        }
        return guidance.condition(positive, negative);
      }

      @Override
      public NDArray combine(NDArray prediction) {
        return guidance.combine(prediction);
      }
    };
  }

  /** Activations beyond the range of float16 do no harm where weights are stored in it. */
  @Test
  void theAutoencoderDoesNotOverflow() throws IOException {
    Path file = folder.resolve("vae/diffusion_pytorch_model.safetensors");
    Path changed = temporary.resolve("vae.safetensors");
    try (NDManager scope = NDManager.newBaseManager();
        SafetensorsFile tensors = SafetensorsFile.open(file)) {
      Map<String, NDArray> all = new LinkedHashMap<>();
      for (String name : tensors.tensors().keySet()) {
        NDArray array = tensors.readFloat32(name, scope);
        boolean scaled = name.equals("decoder.conv_in.weight");
        all.put(name, scaled ? array.mul(3e4 / array.abs().max().getFloat()) : array.duplicate());
      }
      SafetensorsWriter.write(changed, all, Map.of());
    }
    Files.delete(file);
    Files.move(changed, file);
    float[] wide;
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager()) {
      wide = decoded(model, scope).toFloatArray();
    }
    try (StableDiffusionXL model =
            StableDiffusionXL.load(
                folder, GoldenModels.options().weightDtype(WeightDtype.FLOAT16));
        NDManager scope = model.manager().newSubManager()) {
      ObservedOutputs observed = new ObservedOutputs(model.vae(), Set.of("decoder.conv_in"));
      NDArray half = decoded(model, scope);
      observed.close();
      assertThat(observed.output("decoder.conv_in", 0).largest()).isGreaterThan(65504);
      assertThat(half.toFloatArray()).containsExactly(wide, Offset.offset(0.05f));
    }
  }

  private static NDArray decoded(StableDiffusionXL model, NDManager scope) {
    NDArray latents =
        RandomStreams.gaussian(scope, new Shape(1, 4, 8, 8), RandomStreams.stream(2, "vae", 0));
    return model.capability(LatentCodec.class).orElseThrow().decode(latents);
  }

  // Turbo and Lightning

  /** Few steps at trailing timesteps without guidance, by the formula of Euler's method. */
  @ParameterizedTest
  @CsvSource({
    "EulerAncestralDiscreteScheduler, 1",
    "EulerDiscreteScheduler, 1",
    "EulerDiscreteScheduler, 2",
    "EulerDiscreteScheduler, 4",
    "EulerDiscreteScheduler, 8"
  })
  void distilledModelsDrawInFewSteps(String scheduler, int steps) throws IOException {
    edit(
        "model_index.json",
        json -> json.getAsJsonArray("scheduler").set(1, new JsonPrimitive(scheduler)));
    edit(
        "scheduler/scheduler_config.json",
        json -> {
          json.addProperty("_class_name", scheduler);
          json.addProperty("timestep_spacing", "trailing");
        });
    try (StableDiffusionXL model = open();
        NDManager scope = model.manager().newSubManager()) {
      SamplingSettings settings = SamplingSettings.defaultsFor(model).steps(steps).guidanceScale(0);
      assertThat(settings.guided()).isFalse();
      List<String> prompts = List.of("a cat");
      NDArray noise =
          RandomStreams.gaussian(
              scope, new Shape(1, 4, 16, 16), RandomStreams.stream(2, "noise", 0));
      NDArray drawn =
          LatentSampler.of(model)
              .settings(settings)
              .latentSize(16, 16)
              .sample(prompts, NoiseSource.ofInitial(noise, NoiseSource.ofSeed(1)), scope);
      VariancePreservingSchedule schedule = (VariancePreservingSchedule) model.schedule();
      double[] sigmas = new double[steps + 1];
      long[] times = new long[steps];
      for (int i = 0; i < steps; i++) {
        times[i] = Math.round(1000 - i * 1000.0 / steps) - 1;
        double a = schedule.alphaCumprod((int) times[i]);
        sigmas[i] = Math.sqrt((1 - a) / a);
      }
      Conditioning conditioning = model.encode(prompts, size(), scope);
      NDArray x = noise.mul(sigmas[0]);
      for (int i = 0; i < steps; i++) {
        NDArray prediction =
            model.predict(
                x.div(Math.hypot(sigmas[i], 1)), scope.create(new long[] {times[i]}), conditioning);
        x = x.add(prediction.mul(sigmas[i + 1] - sigmas[i]));
      }
      double largest = x.abs().max().getFloat();
      assertThat(drawn.sub(x).abs().max().getFloat()).isLessThan((float) (1e-4 * largest));
    }
  }

  /** An inpainting model of SDXL has the same first convolution as the others. */
  @Test
  void inpaintingModelsTakeAMaskAndAMaskedImage() throws IOException {
    edit("unet/config.json", json -> json.addProperty("in_channels", 9));
    edit(
        "model_index.json",
        json -> json.addProperty("_class_name", "StableDiffusionXLInpaintPipeline"));
    Path weights = folder.resolve("unet/diffusion_pytorch_model.safetensors");
    Path wider = temporary.resolve("wider.safetensors");
    try (NDManager scope = NDManager.newBaseManager();
        SafetensorsFile file = SafetensorsFile.open(weights)) {
      Map<String, NDArray> tensors = new LinkedHashMap<>();
      for (String name : file.tensors().keySet()) {
        tensors.put(name, file.readFloat32(name, scope).duplicate());
      }
      NDArray first = tensors.get("conv_in.weight");
      Shape shape = first.getShape();
      tensors.put(
          "conv_in.weight",
          first.concat(
              scope.ones(new Shape(shape.get(0), 5, shape.get(2), shape.get(3))).mul(0.1), 1));
      SafetensorsWriter.write(wider, tensors, Map.of());
    }
    Files.delete(weights);
    Files.move(wider, weights);
    try (StableDiffusionXL model = open()) {
      BufferedImage image = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
      BufferedImage mask = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
      mask.setRGB(4, 6, 0xffffff);
      LatentSampler sampler =
          LatentSampler.of(model).settings(SamplingSettings.defaultsFor(model).steps(2));
      assertThat(sampler.inpaint(List.of(image), List.of(mask), 1).draw(List.of("a cat"), 1))
          .hasSize(1);
      assertThat(
              sampler
                  .encoders(model.promptEncoder().secondPrompt("glass"), model::encode)
                  .draw(List.of("a cat"), 1))
          .hasSize(1);
    }
  }
}
