package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.checkpoint.JsonConfig;
import dev.ablation.djl.checkpoint.SchedulerConfig;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.Ddim;
import dev.ablation.sample.Images;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplerRun;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** Golden part D: images drawn from prompts, step by step. */
class PipelineGoldenTest {
  private static final String PART = "D_pipelines/";

  /** Share of pixels of an image in bytes that may differ, by one level. */
  private static final double DIFFERING_PIXELS = 0.01;

  @TestFactory
  Stream<DynamicContainer> runs() {
    JsonObject info = Golden.object(Golden.path(PART + "info.json"));
    return Golden.containers(
        Golden.pipelines(info.keySet()),
        pipeline -> tests(pipeline, info.getAsJsonObject(pipeline.name())));
  }

  private static Stream<DynamicNode> tests(Pipeline pipeline, JsonObject runs) throws IOException {
    assertThat(runs.keySet()).as("runs of %s", pipeline.name()).isNotEmpty();
    TensorFile file = TensorFile.of(Golden.path(PART + pipeline.name() + ".safetensors"));
    TensorTests tests = new TensorTests(file);
    for (String name : runs.keySet()) {
      GoldenRun run = new GoldenRun(pipeline, file, name + ".", runs.getAsJsonObject(name));
      tests.compareAll(
          run.tensors(), dynamicContainer(name, Stream.of(run).flatMap(GoldenRun::tests)));
    }
    return tests.stream();
  }

  /** One run of the reference. */
  private record GoldenRun(Pipeline pipeline, TensorFile file, String prefix, JsonObject info) {

    Set<String> tensors() {
      Set<String> names = new LinkedHashSet<>();
      for (String name :
          List.of(
              "initial_latents", "latents_after_step", "final_latents", "decoded", "image_uint8")) {
        names.add(prefix + name);
      }
      if (file.names().contains(prefix + "noise")) {
        names.add(prefix + "noise");
      }
      return names;
    }

    /** Draws the images and returns the tests that compare them. */
    Stream<DynamicNode> tests() {
      Drawn drawn;
      try {
        drawn = draw();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return Stream.of(
          dynamicTest("timesteps", () -> checkTimesteps(drawn.recorder().timesteps())),
          dynamicTest("latents_after_step", () -> checkSteps(drawn.recorder().samples())),
          dynamicTest(
              "final_latents", () -> check("final_latents", Tolerance.LATENTS, drawn.latents())),
          dynamicTest("decoded", () -> check("decoded", Tolerance.DECODED, drawn.decoded())),
          dynamicTest("image_uint8", () -> checkBytes(drawn)));
    }

    private Drawn draw() throws IOException {
      SchedulerConfig scheduler =
          SchedulerConfig.of(
              info.get("scheduler").getAsString(),
              JsonConfig.parse(
                  Path.of("scheduler_config"),
                  info.getAsJsonObject("scheduler_config").toString()));
      RecordingSampler recorder = new RecordingSampler(eta(scheduler.sampler()));
      List<String> prompts = Golden.strings(info.get("prompts"));
      JsonElement negative = info.get("negative_prompt");
      int steps = info.get("num_inference_steps").getAsInt();
      try (StableDiffusion model = GoldenModels.load(pipeline);
          NDManager scope = model.manager().newSubManager()) {
        assertThat(scheduler.predictionType()).isEqualTo(model.predictionType());
        LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
        LatentSampler sampler =
            LatentSampler.of(model)
                .settings(
                    new SamplingSettings(
                        recorder,
                        steps,
                        info.get("guidance_scale").getAsDouble(),
                        negative.isJsonNull() ? "" : negative.getAsString(),
                        prompts.size()))
                .latentSize(
                    info.get("height").getAsInt() / codec.downscaling(),
                    info.get("width").getAsInt() / codec.downscaling());
        NDArray latents = sampler.sample(prompts, noise(scheduler, recorder, steps, scope), scope);
        NDArray decoded = codec.decode(latents);
        NDArray bytes = Images.decode(codec, latents, prompts.size(), scope);
        return new Drawn(
            recorder,
            Tensor.of(latents),
            Tensor.of(decoded),
            bytes.getShape(),
            bytes.toByteArray());
      }
    }

    private Sampler eta(Sampler sampler) {
      JsonElement eta = info.get("eta");
      return eta == null ? sampler : ((Ddim) sampler).eta(eta.getAsDouble());
    }

    /** The stored noise: one draw for each step that asks for one, in this order. */
    private NoiseSource noise(
        SchedulerConfig scheduler, Sampler sampler, int steps, NDManager scope) throws IOException {
      List<Integer> drawing = new ArrayList<>();
      try (SamplerRun run =
          sampler.start(
              scheduler.schedule(), scheduler.predictionType(), steps, new Shape(4, 8, 8))) {
        for (int step = 0; step < run.steps(); step++) {
          if (run.drawsNoise(step)) {
            drawing.add(step);
          }
        }
      }
      NDArray initial = file.array(prefix + "initial_latents", scope);
      String name = prefix + "noise";
      boolean stored = file.names().contains(name);
      assertThat(drawing)
          .as("steps that draw noise")
          .hasSize(stored ? Math.toIntExact(file.shape(name).get(0)) : 0);
      NDArray noise = stored ? file.array(name, scope) : initial;
      return NoiseSource.ofInitial(
          initial,
          new NoiseSource() {
            @Override
            public NDArray initial(int image, Shape shape, NDManager owner) {
              throw new AssertionError("the initial latents are given");
            }

            @Override
            public NDArray step(int image, int step, Shape shape, NDManager owner) {
              NDArray draw = noise.get(drawing.indexOf(step), image);
              draw.attach(owner);
              return draw;
            }
          });
    }

    private void checkTimesteps(double[] actual) {
      List<Double> expected =
          info.getAsJsonArray("timesteps").asList().stream().map(JsonElement::getAsDouble).toList();
      assertThat(actual).hasSize(expected.size());
      for (int i = 0; i < actual.length; i++) {
        double timestep = expected.get(i);
        assertThat(actual[i])
            .as("timestep %d", i)
            .isCloseTo(timestep, within(timestep == Math.rint(timestep) ? 0 : 1e-3));
      }
    }

    private void checkSteps(List<Tensor> actual) throws IOException {
      Tensor expected = file.tensor(prefix + "latents_after_step");
      assertThat(actual).hasSize(Math.toIntExact(expected.shape().get(0))).isNotEmpty();
      for (int i = 0; i < actual.size(); i++) {
        Tolerance.LATENTS.check("latents after step " + (i + 1), actual.get(i), expected.item(i));
      }
    }

    private void check(String name, Tolerance tolerance, Tensor actual) throws IOException {
      tolerance.check(prefix + name, actual, file.tensor(prefix + name));
    }

    private void checkBytes(Drawn drawn) throws IOException {
      String name = prefix + "image_uint8";
      Shape shape = file.shape(name);
      assertThat(drawn.bytesShape()).isEqualTo(shape);
      byte[] actual = drawn.bytes();
      byte[] expected = file.bytes(name);
      int channels = Math.toIntExact(shape.get(1));
      int plane = Math.toIntExact(shape.get(2) * shape.get(3));
      Set<Integer> differing = new LinkedHashSet<>();
      for (int i = 0; i < expected.length; i++) {
        int levels = Math.abs((actual[i] & 0xff) - (expected[i] & 0xff));
        assertThat(levels)
            .as("levels off at %d: expected %d, was %d", i, expected[i] & 0xff, actual[i] & 0xff)
            .isLessThanOrEqualTo(1);
        if (levels > 0) {
          differing.add(i / (channels * plane) * plane + i % plane);
        }
      }
      assertThat(differing)
          .as("pixels that differ, of %d", expected.length / channels)
          .hasSizeLessThanOrEqualTo((int) (DIFFERING_PIXELS * expected.length / channels));
    }
  }

  /** What one run gave. */
  @SuppressWarnings("ArrayRecordComponent") // never compared as a whole
  private record Drawn(
      RecordingSampler recorder, Tensor latents, Tensor decoded, Shape bytesShape, byte[] bytes) {}
}
