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
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.Guidance;
import dev.ablation.sample.Images;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.NoiseSource;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;

/**
 * The sampling runs of a family of models: images drawn from prompts, step by step.
 *
 * @param opener opens the model of a run
 * @param options names of the options of a run that the opener understands
 * @param steps name of the tensor with the latents after each step
 * @param form of the latents there
 * @param tolerance of latents
 */
record FlowSampling(
    Opener opener,
    Set<String> options,
    String steps,
    UnaryOperator<NDArray> form,
    Tolerance tolerance) {
  private static final Set<String> COMMON =
      Set.of(
          "prompts",
          "num_inference_steps",
          "guidance_scale",
          "height",
          "width",
          "max_sequence_length",
          "num_images_per_prompt",
          "negative_prompt",
          "timesteps",
          "sigmas");

  /** Opens the model of a run. */
  interface Opener {
    /** Opens it. */
    Opened open(Family family, JsonObject run, LoadOptions options) throws IOException;
  }

  /**
   * A model and how it draws.
   *
   * @param model closed by the test
   * @param sampler with the spacing of the pipeline
   * @param guidance of the run
   */
  record Opened(DiffusionModel model, Sampler sampler, Guidance guidance) {}

  Stream<DynamicNode> tests(Family family) throws IOException {
    JsonObject runs = Golden.object(FlowGolden.path(family.name() + "/pipelines/info.json"));
    assertThat(runs.keySet()).as("runs of %s", family.name()).isNotEmpty();
    List<DynamicNode> nodes = new ArrayList<>();
    for (String name : runs.keySet()) {
      nodes.add(
          dynamicContainer(
              name, Stream.of(name).flatMap(run -> tests(family, run, runs.getAsJsonObject(run)))));
    }
    nodes.add(dynamicTest("every file has a run", () -> checkFiles(family, runs.keySet())));
    return nodes.stream();
  }

  private static void checkFiles(Family family, Set<String> runs) throws IOException {
    Set<String> files = new TreeSet<>();
    try (Stream<Path> list = Files.list(family.data().resolve("pipelines"))) {
      list.map(file -> file.getFileName().toString())
          .filter(file -> file.endsWith(".safetensors"))
          .forEach(file -> files.add(file.substring(0, file.length() - ".safetensors".length())));
    }
    assertThat(files).isEqualTo(new TreeSet<>(runs));
  }

  private Stream<DynamicNode> tests(Family family, String name, JsonObject run) {
    Set<String> unknown = new TreeSet<>(run.keySet());
    unknown.removeAll(COMMON);
    unknown.removeAll(options);
    assertThat(unknown).as("options that this test does not understand").isEmpty();
    try {
      TensorFile file = family.file("pipelines/" + name);
      Drawn drawn = draw(family, run, file);
      return new TensorTests(file)
              .inputs("in.initial_latents")
              .compareAll(
                  List.of(),
                  dynamicTest(
                      "timesteps",
                      () -> check(drawn.recorder().timesteps(), run, "timesteps", 1e-3)))
              .compareAll(
                  List.of(),
                  dynamicTest(
                      "sigmas", () -> check(drawn.recorder().sigmas(), run, "sigmas", 1e-5)))
              .compareAll(List.of(steps), dynamicTest(steps, () -> checkSteps(drawn.steps(), file)))
              .compare("final_latents", tolerance, drawn::latents)
              .compare("decoded", Tolerance.DECODED, drawn::decoded)
              .compareAll(
                  List.of("image_uint8"),
                  dynamicTest(
                      "image_uint8",
                      () ->
                          ImageBytes.check(file, "image_uint8", drawn.bytesShape(), drawn.bytes())))
              .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Prompts of a run, each as often as images are drawn from it. */
  static List<String> repeated(JsonObject run, String key) {
    int copies = run.has("num_images_per_prompt") ? run.get("num_images_per_prompt").getAsInt() : 1;
    return Golden.strings(run.get(key)).stream()
        .flatMap(prompt -> Stream.generate(() -> prompt).limit(copies))
        .toList();
  }

  /** The negative prompt, which is the same for all images. */
  static String negative(JsonObject run, String key) {
    Set<String> texts = new TreeSet<>(Golden.strings(run.get(key)));
    assertThat(texts).as(key).hasSize(1);
    return texts.iterator().next();
  }

  private Drawn draw(Family family, JsonObject run, TensorFile file) throws IOException {
    LoadOptions load =
        LoadOptions.defaults()
            .device(Golden.device())
            .threads(1)
            .maxSequenceLength(run.get("max_sequence_length").getAsInt());
    Opened opened = opener.open(family, run, load);
    List<String> prompts = repeated(run, "prompts");
    try (DiffusionModel model = opened.model();
        NDManager scope = model.manager().newSubManager()) {
      LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
      RecordingSampler recorder = new RecordingSampler(opened.sampler());
      LatentSampler sampler =
          LatentSampler.of(model)
              .settings(
                  new SamplingSettings(
                      recorder,
                      run.get("num_inference_steps").getAsInt(),
                      opened.guidance(),
                      run.has("negative_prompt") ? negative(run, "negative_prompt") : "",
                      prompts.size()))
              .latentSize(
                  run.get("height").getAsInt() / codec.downscaling(),
                  run.get("width").getAsInt() / codec.downscaling());
      NoiseSource noise =
          NoiseSource.ofInitial(file.array("in.initial_latents", scope), NoiseSource.ofSeed(0));
      NDArray latents = sampler.sample(prompts, noise, scope);
      NDArray decoded = codec.decode(latents);
      NDArray bytes = Images.decode(codec, latents, prompts.size(), scope);
      return new Drawn(
          recorder,
          formed(recorder.samples(), scope),
          Tensor.of(latents),
          Tensor.of(decoded),
          bytes.getShape(),
          bytes.toByteArray());
    }
  }

  private List<Tensor> formed(List<Tensor> samples, NDManager scope) {
    return samples.stream()
        .map(sample -> Tensor.of(form.apply(scope.create(sample.values(), sample.shape()))))
        .toList();
  }

  private static void check(double[] actual, JsonObject run, String key, double tolerance) {
    List<Double> expected =
        run.getAsJsonArray(key).asList().stream().map(JsonElement::getAsDouble).toList();
    assertThat(actual).hasSize(expected.size());
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i]).as("%s %d", key, i).isCloseTo(expected.get(i), within(tolerance));
    }
  }

  private void checkSteps(List<Tensor> actual, TensorFile file) throws IOException {
    Tensor expected = file.tensor(steps);
    assertThat(actual).hasSize(Math.toIntExact(expected.shape().get(0))).isNotEmpty();
    for (int i = 0; i < actual.size(); i++) {
      tolerance.check("latents after step " + (i + 1), actual.get(i), expected.item(i));
    }
  }

  /** The tests of every family of a pipeline class. */
  Stream<DynamicContainer> tests(String pipelineClass) {
    return FlowGolden.containers(FlowGolden.families(pipelineClass), this::tests);
  }

  /** What one run gave. */
  @SuppressWarnings("ArrayRecordComponent") // never compared as a whole
  private record Drawn(
      RecordingSampler recorder,
      List<Tensor> steps,
      Tensor latents,
      Tensor decoded,
      Shape bytesShape,
      byte[] bytes) {}
}
