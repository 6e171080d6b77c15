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
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.internal.checkpoint.SchedulerConfig;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.Conditioning;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.ClassifierFree;
import dev.ablation.sample.Ddim;
import dev.ablation.sample.Guidance;
import dev.ablation.sample.Images;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplerRun;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/**
 * SDXL: text encoders (golden part B), encoding of prompts with all options and images drawn step
 * by step (golden part D and the second directory). UNet, autoencoder and gradients are tested with
 * those of the other models.
 */
class SdxlGoldenTest {
  private static final String CLASS = "StableDiffusionXLPipeline";

  /** Share of pixels of an image in bytes that may differ, by one level. */
  private static final double DIFFERING_PIXELS = 0.01;

  /** Images whose first noise level is about 4096. */
  private static final double ZERO_SNR_LATENTS = 5e-4;

  private static List<Pipeline> models(String part) {
    return sdxl(Golden.allPipelines(Golden.folders(part)));
  }

  private static List<Pipeline> sdxl(List<Pipeline> all) {
    List<Pipeline> found = all.stream().filter(p -> p.className().equals(CLASS)).toList();
    assertThat(found).as("models of %s in %s", CLASS, Golden.directory()).isNotEmpty();
    return found;
  }

  private static StableDiffusionXL open(Pipeline pipeline) throws IOException {
    return StableDiffusionXL.load(pipeline.folder(), GoldenModels.options());
  }

  // Golden part B

  @TestFactory
  Stream<DynamicContainer> textEncoders() {
    return Golden.containers(models("B_components"), SdxlGoldenTest::textTests);
  }

  private static Stream<DynamicNode> textTests(Pipeline pipeline) throws IOException {
    String folder = "B_components/" + pipeline.name();
    TensorFile file = TensorFile.of(Golden.path(folder + "/text.safetensors"));
    List<String> prompts =
        Golden.strings(Golden.object(Golden.path(folder + "/info.json")).get("text_prompts"));
    TensorTests tests = new TensorTests(file);
    try (StableDiffusionXL model = open(pipeline);
        NDManager scope = model.manager().newSubManager()) {
      Map<String, Tensor> computed = new LinkedHashMap<>();
      text(model.textEncoder(), prompts, "", file, tests, computed, scope);
      text(model.textEncoder2(), prompts, "_2", file, tests, computed, scope);
      Conditioning made = model.encode(prompts, prompts, 0, ImageSizes.of(8, 8), scope);
      computed.put("prompt_embeds", Tensor.of(made.textEmbeddings()));
      computed.put("pooled_prompt_embeds", Tensor.of(made.get(Conditioning.POOLED)));
      computed.forEach((name, tensor) -> tests.compare(name, Tolerance.TEXT, () -> tensor));
    }
    return tests.stream();
  }

  private static void text(
      ClipTextEncoder encoder,
      List<String> prompts,
      String suffix,
      TensorFile file,
      TensorTests tests,
      Map<String, Tensor> computed,
      NDManager scope)
      throws IOException {
    String name = "input_ids" + suffix;
    NDArray ids = encoder.tokenizer().encode(prompts, scope);
    long[] actual = ids.toLongArray();
    long[] expected = file.longs(name);
    tests.compareAll(Set.of(name), dynamicTest(name, () -> assertThat(actual).isEqualTo(expected)));
    String prefix = "text_encoder" + suffix + ".";
    GradMode.with(
        false,
        () -> {
          NDList out = encoder.model().applyAll(new NDList(ids));
          computed.put(prefix + "last_hidden_state", Tensor.of(out.get(0)));
          for (int i = 1; i < out.size(); i++) {
            computed.put(prefix + "hidden." + (i - 1), Tensor.of(out.get(i)));
          }
          boolean projected = encoder.model().hasProjection();
          NDArray pooled =
              projected
                  ? encoder.model().textEmbeds(out.get(0), ids)
                  : encoder.model().pooled(out.get(0), ids);
          computed.put(prefix + (projected ? "text_embeds" : "pooler_output"), Tensor.of(pooled));
          return out;
        });
  }

  // The second directory

  /** The models that its folder {@code sdxl} goes with. */
  private static List<Pipeline> secondModels() {
    return sdxl(Golden.allPipelines(Golden.folders("pipelines")));
  }

  @TestFactory
  Stream<DynamicContainer> encodedPrompts() {
    return Golden.containers(secondModels(), SdxlGoldenTest::promptTests);
  }

  private static Stream<DynamicNode> promptTests(Pipeline pipeline) throws IOException {
    JsonObject cases = Golden.object(Golden.second("sdxl/encode_prompt.json"));
    assertThat(cases.keySet()).isNotEmpty();
    TensorFile file = TensorFile.of(Golden.second("sdxl/encode_prompt.safetensors"));
    TensorTests tests = new TensorTests(file);
    try (StableDiffusionXL model = open(pipeline);
        NDManager scope = model.manager().newSubManager()) {
      for (String name : cases.keySet()) {
        Prompts prompts = Prompts.of(cases.getAsJsonObject(name), "prompt");
        Conditioning positive = prompts.positive(model, ImageSizes.of(8, 8), scope);
        Conditioning negative = prompts.negative(model, ImageSizes.of(8, 8), scope);
        compare(tests, name + ".", positive);
        compare(tests, name + ".negative_", negative);
      }
    }
    return tests.stream();
  }

  private static void compare(TensorTests tests, String prefix, Conditioning made) {
    Tolerance tolerance = FlowGolden.TEXT;
    Tensor text = Tensor.of(made.textEmbeddings());
    Tensor pooled = Tensor.of(made.get(Conditioning.POOLED));
    tests.compare(prefix + "prompt_embeds", tolerance, () -> text);
    tests.compare(prefix + "pooled_prompt_embeds", tolerance, () -> pooled);
  }

  /** What both encoders read, for images and against them; no negative ones is none at all. */
  private record Prompts(
      List<String> prompts,
      List<String> prompts2,
      @Nullable List<String> negative,
      @Nullable List<String> negative2,
      int clipSkip) {

    static Prompts of(JsonObject json, String key) {
      List<String> prompts = Golden.strings(json.get(key));
      List<String> negative = list(json, "negative_prompt", prompts.size());
      int images =
          json.has("num_images_per_prompt") ? json.get("num_images_per_prompt").getAsInt() : 1;
      return new Prompts(
          repeated(prompts, images),
          repeated(orElse(list(json, "prompt_2", prompts.size()), prompts), images),
          negative == null ? null : repeated(negative, images),
          negative == null
              ? null
              : repeated(orElse(list(json, "negative_prompt_2", prompts.size()), negative), images),
          json.has("clip_skip") ? json.get("clip_skip").getAsInt() : 0);
    }

    private static @Nullable List<String> list(JsonObject json, String key, int count) {
      JsonElement value = json.get(key);
      if (value == null || value.isJsonNull()) {
        return null;
      }
      return value.isJsonArray()
          ? Golden.strings(value)
          : Collections.nCopies(count, value.getAsString());
    }

    private static List<String> orElse(@Nullable List<String> list, List<String> otherwise) {
      return list == null ? otherwise : list;
    }

    private static List<String> repeated(List<String> prompts, int images) {
      return prompts.stream()
          .flatMap(prompt -> Collections.nCopies(images, prompt).stream())
          .toList();
    }

    Conditioning positive(StableDiffusionXL model, ImageSizes sizes, NDManager scope) {
      return model.encode(prompts, prompts2, clipSkip, sizes, scope);
    }

    Conditioning negative(StableDiffusionXL model, ImageSizes sizes, NDManager scope) {
      if (negative != null && negative2 != null) {
        return model.encode(negative, negative2, 0, sizes, scope);
      }
      Conditioning zeros = model.encode(Collections.nCopies(prompts.size(), ""), scope);
      NDArray ids = model.encode(prompts, prompts, 0, sizes, scope).get(Conditioning.TIME_IDS);
      return zeros.with(Conditioning.TIME_IDS, ids);
    }
  }

  // Images

  @TestFactory
  Stream<DynamicContainer> firstPipelines() {
    JsonObject info = Golden.object(Golden.path("D_pipelines/info.json"));
    return Golden.containers(
        sdxl(Golden.allPipelines(info.keySet())),
        pipeline -> {
          TensorFile file =
              TensorFile.of(Golden.path("D_pipelines/" + pipeline.name() + ".safetensors"));
          JsonObject runs = info.getAsJsonObject(pipeline.name());
          assertThat(runs.keySet()).isNotEmpty();
          TensorTests tests = new TensorTests(file);
          for (String name : runs.keySet()) {
            Drawing drawing =
                new Drawing(
                    pipeline,
                    file,
                    name + ".",
                    name + ".initial_latents",
                    runs.getAsJsonObject(name));
            tests.compareAll(
                drawing.tensors(),
                dynamicContainer(name, Stream.of(drawing).flatMap(Drawing::tests)));
          }
          return tests.stream();
        });
  }

  @TestFactory
  Stream<DynamicContainer> secondPipelines() {
    JsonObject info = Golden.object(Golden.second("sdxl/pipelines/info.json"));
    assertThat(info.keySet()).isNotEmpty();
    return Golden.containers(
        secondModels(),
        pipeline -> {
          List<DynamicNode> nodes = new ArrayList<>();
          for (String name : info.keySet()) {
            TensorFile file =
                TensorFile.of(Golden.second("sdxl/pipelines/" + name + ".safetensors"));
            Drawing drawing =
                new Drawing(pipeline, file, "", "in.initial_latents", info.getAsJsonObject(name));
            nodes.add(
                dynamicContainer(
                    name,
                    Stream.of(drawing)
                        .flatMap(one ->
                            new TensorTests(file)
                                    .compareAll(
                                        one.tensors(),
                                        dynamicContainer(
                                            "images", Stream.of(one).flatMap(Drawing::tests)))
                                    .stream())));
          }
          return nodes.stream();
        });
  }

  /** One run of the reference. */
  private record Drawing(
      Pipeline pipeline, TensorFile file, String prefix, String initial, JsonObject info) {

    Set<String> tensors() {
      Set<String> names = new LinkedHashSet<>(Set.of(initial));
      for (String name : List.of("latents_after_step", "final_latents", "decoded", "image_uint8")) {
        names.add(prefix + name);
      }
      if (file.names().contains(prefix + "noise")) {
        names.add(prefix + "noise");
      }
      return names;
    }

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
              "final_latents", () -> check("final_latents", latentTolerance(), drawn.latents())),
          dynamicTest("decoded", () -> check("decoded", decodedTolerance(), drawn.decoded())),
          dynamicTest("image_uint8", () -> checkBytes(drawn)));
    }

    private boolean zeroSnr() {
      return info.getAsJsonObject("scheduler_config").get("rescale_betas_zero_snr") != null
          && info.getAsJsonObject("scheduler_config").get("rescale_betas_zero_snr").getAsBoolean();
    }

    private Tolerance latentTolerance() {
      return zeroSnr() ? Tolerance.relL2(ZERO_SNR_LATENTS) : Tolerance.LATENTS;
    }

    private Tolerance decodedTolerance() {
      return zeroSnr() ? Tolerance.relL2(ZERO_SNR_LATENTS) : Tolerance.DECODED;
    }

    private int number(String key) {
      return info.get(key).getAsInt();
    }

    private ImageSizes sizes(String sign) {
      ImageSizes sizes = ImageSizes.of(number("height"), number("width"));
      if (info.has(sign + "target_size")) {
        JsonArray target = info.getAsJsonArray(sign + "target_size");
        sizes = ImageSizes.of(target.get(0).getAsInt(), target.get(1).getAsInt());
      }
      if (info.has(sign + "original_size")) {
        JsonArray original = info.getAsJsonArray(sign + "original_size");
        sizes = sizes.original(original.get(0).getAsInt(), original.get(1).getAsInt());
      }
      if (info.has(sign + "crops_coords_top_left")) {
        JsonArray crop = info.getAsJsonArray(sign + "crops_coords_top_left");
        sizes = sizes.crop(crop.get(0).getAsInt(), crop.get(1).getAsInt());
      }
      return sizes;
    }

    private Drawn draw() throws IOException {
      SchedulerConfig scheduler =
          SchedulerConfig.of(
              info.get("scheduler").getAsString(),
              JsonConfig.parse(
                  Path.of("scheduler_config"),
                  info.getAsJsonObject("scheduler_config").toString()));
      Sampler sampler = scheduler.sampler();
      if (info.has("eta")) {
        sampler = ((Ddim) sampler).eta(info.get("eta").getAsDouble());
      }
      RecordingSampler recorder = new RecordingSampler(sampler);
      Prompts prompts = Prompts.of(info, "prompts");
      int steps = number("num_inference_steps");
      ClassifierFree guidance = Guidance.classifierFree(info.get("guidance_scale").getAsDouble());
      if (info.has("guidance_rescale")) {
        guidance = guidance.rescale(info.get("guidance_rescale").getAsDouble());
      }
      try (StableDiffusionXL model = variant(scheduler);
          NDManager scope = model.manager().newSubManager()) {
        Conditioning positive = prompts.positive(model, sizes(""), scope);
        boolean own = info.has("negative_original_size") && info.has("negative_target_size");
        Conditioning negative = prompts.negative(model, sizes(own ? "negative_" : ""), scope);
        LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
        int count = prompts.prompts().size();
        NDArray latents =
            LatentSampler.of(model)
                .settings(
                    new SamplingSettings(
                        recorder,
                        steps,
                        new Replaced(
                            guidance, own ? mixed(positive, negative, count, false) : negative),
                        "",
                        count))
                .conditioning(plain -> own ? mixed(positive, negative, count, true) : positive)
                .latentSize(
                    number("height") / codec.downscaling(), number("width") / codec.downscaling())
                .sample(prompts.prompts(), noise(scheduler, recorder, steps, scope), scope);
        NDArray decoded = codec.decode(latents);
        NDArray bytes = Images.decode(codec, latents, count, scope);
        return new Drawn(
            recorder,
            Tensor.of(latents),
            Tensor.of(decoded),
            bytes.getShape(),
            bytes.toByteArray());
      }
    }

    /**
     * The sizes in the order in which the reference gives them to the batch [negative, positive]:
     * it repeats one negative and one positive row, so that they alternate.
     */
    private static Conditioning mixed(
        Conditioning positive, Conditioning negative, int count, boolean second) {
      NDList rows = new NDList();
      for (int i = 0; i < count; i++) {
        int row = second ? count + i : i;
        Conditioning from = row % 2 == 0 ? negative : positive;
        rows.add(from.get(Conditioning.TIME_IDS).get("0:1"));
      }
      return (second ? positive : negative).with(Conditioning.TIME_IDS, NDArrays.concat(rows, 0));
    }

    /** The model with the scheduler and the autoencoder's settings of the run. */
    private StableDiffusionXL variant(SchedulerConfig scheduler) throws IOException {
      Path folder = Files.createTempDirectory("sdxl");
      PipelineCopy.copy(pipeline.folder(), folder);
      Path index = folder.resolve("model_index.json");
      JsonObject classes = Golden.object(index);
      classes.getAsJsonArray("scheduler").set(1, info.get("scheduler"));
      Files.writeString(index, classes.toString());
      Files.writeString(
          folder.resolve("scheduler/scheduler_config.json"),
          info.get("scheduler_config").toString());
      JsonElement override = info.get("vae_config_override");
      if (override != null && !override.isJsonNull()) {
        Path file = folder.resolve("vae/config.json");
        JsonObject vae = Golden.object(file);
        override.getAsJsonObject().asMap().forEach(vae::add);
        Files.writeString(file, vae.toString());
      }
      try {
        StableDiffusionXL model = StableDiffusionXL.load(folder, GoldenModels.options());
        assertThat(model.predictionType()).isEqualTo(scheduler.predictionType());
        return model;
      } finally {
        delete(folder);
      }
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
      NDArray first = file.array(initial, scope);
      String name = prefix + "noise";
      boolean stored = file.names().contains(name);
      assertThat(drawing)
          .as("steps that draw noise")
          .hasSize(stored ? Math.toIntExact(file.shape(name).get(0)) : 0);
      NDArray noise = stored ? file.array(name, scope) : first;
      return NoiseSource.ofInitial(
          first,
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
        latentTolerance().check("latents after step " + (i + 1), actual.get(i), expected.item(i));
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

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  /** Guidance whose negative conditioning is given. */
  private record Replaced(Guidance guidance, Conditioning given) implements Guidance {
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
      return guidance.usesNegativePrompt();
    }

    @Override
    public Conditioning condition(Conditioning positive, @Nullable Conditioning negative) {
      return guidance.condition(positive, negative == null ? null : given);
    }

    @Override
    public NDArray combine(NDArray prediction) {
      return guidance.combine(prediction);
    }
  }

  /** What one run gave. */
  @SuppressWarnings("ArrayRecordComponent") // never compared as a whole
  private record Drawn(
      RecordingSampler recorder, Tensor latents, Tensor decoded, Shape bytesShape, byte[] bytes) {}
}
