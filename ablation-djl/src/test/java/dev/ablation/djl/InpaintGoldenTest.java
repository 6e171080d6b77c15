package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.Conditioning;
import dev.ablation.model.InpaintingCondition;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/**
 * Inpainting models of the second directory: the UNet with its mask and masked image, its gradients
 * and images drawn step by step.
 */
class InpaintGoldenTest {
  private static final String CLASS = "StableDiffusionInpaintPipeline";
  private static final String GRADIENT = "grad.";
  private static final Tolerance GRADIENTS = Tolerance.relL2(5e-4);

  private static StableDiffusion open(Family family) throws IOException {
    return StableDiffusion.load(family.model(), GoldenModels.options());
  }

  @TestFactory
  Stream<DynamicContainer> unet() {
    return FlowGolden.containers(FlowGolden.families(CLASS), InpaintGoldenTest::unetTests);
  }

  private static Stream<DynamicNode> unetTests(Family family) throws IOException {
    TensorFile file = family.file("unet");
    TensorTests tests = new TensorTests(file);
    tests.inputs("in.sample", "in.timestep", "in.encoder_hidden_states", "in.R");
    Map<String, Tensor> computed = new LinkedHashMap<>();
    try (StableDiffusion model = open(family);
        NDManager scope = model.manager().newSubManager()) {
      List<String> names =
          file.names().stream()
              .filter(name -> name.startsWith(GRADIENT))
              .map(name -> name.substring(GRADIENT.length()))
              .toList();
      assertThat(names).isNotEmpty();
      List<NDArray> copies = new ArrayList<>();
      try {
        for (String name : names) {
          NDArray copy = model.weights().get(name).duplicate();
          copy.attach(scope);
          copy.setRequiresGradient(true);
          model.weights().bind(name, copy);
          copies.add(copy);
        }
        GradMode.with(
            true,
            () -> {
              NDArray out = predict(model, file, scope);
              computed.put("out", Tensor.of(out));
              NDArray loss = out.mul(array(file, "in.R", scope)).sum();
              NDList gradients = Kernels.GRADIENTS.callWithLists(loss, copies);
              for (int i = 0; i < names.size(); i++) {
                computed.put(GRADIENT + names.get(i), Tensor.of(gradients.get(i)));
              }
              return loss;
            });
      } finally {
        names.forEach(name -> model.weights().bind(name, null));
      }
    }
    computed.forEach((name, tensor) ->
        tests.compare(name, name.startsWith(GRADIENT) ? GRADIENTS : Tolerance.UNET, () -> tensor));
    return tests.stream();
  }

  /** The parts of the reference's input by their names. */
  private static NDArray predict(StableDiffusion model, TensorFile file, NDManager scope) {
    NDArray sample = array(file, "in.sample", scope);
    int latents = model.descriptor().latentChannels();
    Conditioning conditioning =
        new Conditioning(array(file, "in.encoder_hidden_states", scope))
            .with(Conditioning.MASK, sample.get(":, " + latents + ":" + (latents + 1)))
            .with(Conditioning.MASKED_IMAGE_LATENTS, sample.get(":, " + (latents + 1) + ":"));
    return model.predict(
        sample.get(":, :" + latents), array(file, "in.timestep", scope), conditioning);
  }

  private static NDArray array(TensorFile file, String name, NDManager scope) {
    try {
      return file.array(name, scope);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @TestFactory
  Stream<DynamicContainer> pipelines() {
    return FlowGolden.containers(
        FlowGolden.families(CLASS),
        family -> {
          JsonObject info = Golden.object(family.data().resolve("pipelines/info.json"));
          assertThat(info.keySet()).isNotEmpty();
          return info.keySet().stream()
              .map(name ->
                  dynamicContainer(
                      name,
                      Stream.of(info.getAsJsonObject(name))
                          .flatMap(run -> drawn(family, name, run))));
        });
  }

  private static Stream<DynamicNode> drawn(Family family, String name, JsonObject run) {
    try {
      return new Drawing(family, family.file("pipelines/" + name), run).tests();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One run of the reference. */
  private record Drawing(Family family, TensorFile file, JsonObject info) {

    Stream<DynamicNode> tests() throws IOException {
      // The model's own file: the run's record has defaults of the model's class, which the
      // reference does not take over to the run's.
      SchedulerConfig scheduler =
          SchedulerConfig.read(
              family.model().resolve("scheduler/scheduler_config.json"),
              info.get("scheduler").getAsString());
      RecordingSampler recorder = new RecordingSampler(scheduler.sampler());
      List<String> prompts = Golden.strings(info.get("prompts"));
      boolean guided = info.get("guidance_scale").getAsDouble() > 1;
      TensorTests tests = new TensorTests(file);
      tests.inputs(
          "in.image",
          "in.mask",
          "in.initial_noise",
          "in.image_posterior_noise",
          "in.masked_image_posterior_noise");
      try (StableDiffusion model = open(family);
          NDManager scope = model.manager().newSubManager()) {
        assertThat(model.schedule()).isEqualTo(scheduler.schedule());
        assertThat(model.predictionType()).isEqualTo(scheduler.predictionType());
        LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
        SamplingSettings settings =
            new SamplingSettings(
                recorder,
                info.get("num_inference_steps").getAsInt(),
                info.get("guidance_scale").getAsDouble(),
                negativePrompt(),
                prompts.size());
        NDArray latents =
            LatentSampler.of(model)
                .settings(settings)
                .inpaint(images("in.image"), images("in.mask"), info.get("strength").getAsDouble())
                .sample(prompts, noise(scope), scope);
        Tensor decoded = Tensor.of(codec.decode(latents));
        Tensor last = Tensor.of(latents);
        tests.compare("final_latents", Tolerance.LATENTS, () -> last);
        tests.compare("decoded", Tolerance.DECODED, () -> decoded);
        conditions(model, recorder, guided ? 2 : 1, scope)
            .forEach((name, tensor) -> tests.compare(name, Tolerance.LATENTS, () -> tensor));
      }
      tests.compareAll(
          Set.of("latents_after_step"),
          dynamicTest("latents_after_step", () -> checkSteps(recorder.samples())));
      return Stream.concat(
          tests.stream(),
          Stream.of(dynamicTest("timesteps", () -> checkTimesteps(recorder.timesteps()))));
    }

    private String negativePrompt() {
      JsonElement given = info.get("negative_prompt");
      if (given == null || given.isJsonNull()) {
        return "";
      }
      Set<String> all = new LinkedHashSet<>(Golden.strings(given));
      assertThat(all).as("negative prompts of a run").hasSize(1);
      return all.iterator().next();
    }

    /** What the UNet sees beside the prompt, and all its first input. */
    private Map<String, Tensor> conditions(
        StableDiffusion model, RecordingSampler recorder, int copies, NDManager scope)
        throws IOException {
      NDArray masks = file.array("in.mask", scope);
      Map<String, NDArray> made =
          model
              .capability(InpaintingCondition.class)
              .orElseThrow()
              .of(
                  file.array("in.image", scope),
                  masks,
                  file.array("in.masked_image_posterior_noise", scope),
                  scope);
      NDArray mask = made.get(Conditioning.MASK);
      NDArray masked = made.get(Conditioning.MASKED_IMAGE_LATENTS);
      Tensor first = recorder.firstInput();
      NDArray input = scope.create(first.values(), first.shape());
      NDArray row = NDArrays.concat(new NDList(input, mask, masked), 1);
      return Map.of(
          "latent_mask", Tensor.of(mask),
          "masked_image_latents", Tensor.of(masked),
          "first_unet_input", Tensor.of(copies == 1 ? row : row.concat(row, 0)));
    }

    /** Arrays in -1..1 with three channels or in 0..1 with one, as images. */
    private List<BufferedImage> images(String name) throws IOException {
      Tensor all = file.tensor(name);
      List<BufferedImage> images = new ArrayList<>();
      int channels = Math.toIntExact(all.shape().get(1));
      int height = Math.toIntExact(all.shape().get(2));
      int width = Math.toIntExact(all.shape().get(3));
      int plane = height * width;
      for (int i = 0; i < all.shape().get(0); i++) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int k = 0; k < plane; k++) {
          int pixel = 0;
          for (int c = 0; c < 3; c++) {
            float value = all.values()[(i * channels + c % channels) * plane + k];
            double level = channels == 1 ? value * 255 : (value + 1) * 127.5;
            if (channels == 3) {
              assertThat(level).as("levels of %s", name).isCloseTo(Math.rint(level), within(1e-3));
            }
            pixel = pixel << 8 | (int) Math.rint(level);
          }
          image.setRGB(k % width, k / width, pixel);
        }
        images.add(image);
      }
      return images;
    }

    private NoiseSource noise(NDManager scope) throws IOException {
      NDArray initial = file.array("in.initial_noise", scope);
      NDArray image = file.array("in.image_posterior_noise", scope);
      NDArray maskedImage = file.array("in.masked_image_posterior_noise", scope);
      return NoiseSource.ofInitial(
          initial,
          new NoiseSource() {
            @Override
            public NDArray initial(int row, Shape shape, NDManager owner) {
              throw new AssertionError("the initial noise is given");
            }

            @Override
            public NDArray step(int row, int step, Shape shape, NDManager owner) {
              throw new AssertionError("no run draws noise");
            }

            @Override
            public NDArray posterior(int row, boolean masked, Shape shape, NDManager owner) {
              NDArray own = (masked ? maskedImage : image).get(row);
              own.attach(owner);
              return own;
            }
          });
    }

    private void checkTimesteps(double[] actual) {
      List<Double> expected =
          info.getAsJsonArray("timesteps").asList().stream().map(JsonElement::getAsDouble).toList();
      assertThat(actual).hasSize(expected.size());
      for (int i = 0; i < actual.length; i++) {
        assertThat(actual[i]).as("timestep %d", i).isCloseTo(expected.get(i), within(1e-3));
      }
    }

    private void checkSteps(List<Tensor> actual) throws IOException {
      Tensor expected = file.tensor("latents_after_step");
      assertThat(actual)
          .hasSize(Math.toIntExact(expected.shape().get(0)))
          .hasSize(info.get("calls").getAsInt());
      for (int i = 0; i < actual.size(); i++) {
        Tolerance.LATENTS.check("latents after step " + (i + 1), actual.get(i), expected.item(i));
      }
    }
  }
}
