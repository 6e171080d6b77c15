package dev.ablation.djl.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.Tolerance;
import dev.ablation.sample.Ddim;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplerRun;
import dev.ablation.schedule.PredictionType;
import dev.ablation.schedule.VariancePreservingSchedule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.assertj.core.data.Offset;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Compares the noise schedule and every sampler with the published implementation's numbers. */
class SchedulerGoldenTest {
  private static NDManager manager;
  private static JsonObject info;
  private static final Map<String, NDArray> TENSORS = new HashMap<>();
  private static final Set<String> UNUSED = new HashSet<>();

  @BeforeAll
  static void load() throws IOException {
    manager = NDManager.newBaseManager(Golden.device(), "PyTorch");
    info = Golden.object(Golden.path("C_schedulers/schedulers.json"));
    TensorFile file = TensorFile.of(Golden.path("C_schedulers/traces.safetensors"));
    for (String name : file.names()) {
      TENSORS.put(name, file.array(name, manager));
    }
    UNUSED.addAll(TENSORS.keySet());
  }

  @AfterAll
  static void free() {
    manager.close();
  }

  @TestFactory
  List<DynamicTest> everySampler() {
    List<DynamicTest> tests = new ArrayList<>();
    tests.add(dynamicTest("alphas_cumprod", this::alphasCumprod));
    tests.add(dynamicTest("add_noise and get_velocity", this::addNoise));
    JsonObject schedulers = info.getAsJsonObject("schedulers");
    for (String key : schedulers.keySet()) {
      JsonObject runs = schedulers.getAsJsonObject(key).getAsJsonObject("runs");
      for (String type : List.of("epsilon", "v_prediction")) {
        for (String steps : runs.keySet()) {
          String name = key + "." + type + "." + steps;
          if (TENSORS.containsKey(name + ".samples")) {
            tests.add(dynamicTest(name, () -> trace(key, type, steps)));
          }
        }
      }
    }
    assertThat(tests).as("traces in %s", Golden.directory()).hasSizeGreaterThan(2);
    tests.add(dynamicTest("every tensor was compared", () -> assertThat(UNUSED).isEmpty()));
    return tests;
  }

  private void alphasCumprod() {
    VariancePreservingSchedule schedule = anySchedule();
    float[] single = tensor("alphas_cumprod_float32").toFloatArray();
    JsonArray exact = info.getAsJsonArray("alphas_cumprod_float64");
    assertThat(schedule.steps()).isEqualTo(single.length).isEqualTo(exact.size());
    for (int t = 0; t < single.length; t++) {
      double alpha = schedule.alphaCumprod(t);
      assertThat(alpha).isCloseTo(exact.get(t).getAsDouble(), Percentage.withPercentage(1e-3));
      assertThat(alpha).isCloseTo(single[t], Percentage.withPercentage(1e-3));
    }
  }

  private void addNoise() {
    VariancePreservingSchedule schedule = anySchedule();
    NDArray x0 = tensor("add_noise.x0");
    NDArray noise = tensor("add_noise.noise");
    NDArray timesteps = tensor("add_noise.timesteps");
    close("add_noise", schedule.addNoise(x0, noise, timesteps), tensor("add_noise.out"), 2e-6);
    close(
        "velocity",
        schedule.target(PredictionType.V_PREDICTION, x0, noise, timesteps),
        tensor("get_velocity.out"),
        2e-6);
  }

  private void trace(String key, String type, String stepCount) {
    JsonObject scheduler = info.getAsJsonObject("schedulers").getAsJsonObject(key);
    JsonObject config = scheduler.getAsJsonObject("config").deepCopy();
    config.addProperty("prediction_type", type);
    SchedulerConfig read = read(scheduler.get("class"), config);
    Sampler sampler = withArguments(read.sampler(), scheduler.getAsJsonObject("step_kwargs"));
    JsonObject expected = scheduler.getAsJsonObject("runs").getAsJsonObject(stepCount);
    String prefix = key + "." + type + "." + stepCount + ".";
    boolean karras =
        config.has("use_karras_sigmas") && config.get("use_karras_sigmas").getAsBoolean();
    double tolerance = karras ? 5e-5 : 2e-5;
    NDArray samples = tensor(prefix + "samples");
    NDArray inputs = tensor(prefix + "model_inputs");
    NDArray outputs = tensor(prefix + "model_outputs");

    try (SamplerRun run =
        sampler.start(
            read.schedule(),
            read.predictionType(),
            Integer.parseInt(stepCount),
            new Shape(4, 8, 8))) {
      numbers(run, expected);
      List<Integer> drawing = new ArrayList<>();
      NDArray sample = samples.get(0);
      for (int i = 0; i < run.steps(); i++) {
        close(
            "input " + i,
            run.scaleModelInput(sample, i),
            inputs.get(i),
            tolerance * largest(inputs));
        if (TENSORS.containsKey(prefix + "pred_original_sample")) {
          NDArray originals = tensor(prefix + "pred_original_sample");
          NDArray original = run.predictOriginal(outputs.get(i), i, sample);
          close("original " + i, original, originals.get(i), tolerance * largest(originals));
        }
        NDArray noise = null;
        if (run.drawsNoise(i)) {
          noise = tensor(prefix + "noise").get(drawing.size());
          drawing.add(i);
        }
        sample = run.step(outputs.get(i), i, sample, noise);
        close("sample " + i, sample, samples.get(i + 1), tolerance * largest(samples));
      }
      assertThat(drawing)
          .isEqualTo(
              expected.getAsJsonArray("noise_drawn_at_step_index").asList().stream()
                  .map(JsonElement::getAsInt)
                  .toList());
    }
  }

  private static void numbers(SamplerRun run, JsonObject expected) {
    double[] timesteps = doubles(expected, "timesteps");
    assertThat(run.timesteps()).hasSameSizeAs(timesteps);
    for (int i = 0; i < timesteps.length; i++) {
      boolean whole = timesteps[i] == Math.rint(timesteps[i]);
      assertThat(run.timesteps()[i])
          .as("timestep " + i)
          .isCloseTo(timesteps[i], Offset.offset(whole ? 0 : 1e-3));
    }
    assertThat(run.initNoiseSigma())
        .isCloseTo(expected.get("init_noise_sigma").getAsDouble(), Percentage.withPercentage(1e-3));
    double[] sigmas = expected.has("sigmas") ? doubles(expected, "sigmas") : new double[0];
    assertThat(run.sigmas()).hasSameSizeAs(sigmas);
    for (int i = 0; i < sigmas.length; i++) {
      assertThat(run.sigmas()[i])
          .as("sigma " + i)
          .isCloseTo(sigmas[i], Percentage.withPercentage(1e-3));
    }
  }

  private static Sampler withArguments(Sampler sampler, JsonObject arguments) {
    Sampler result = sampler;
    for (Map.Entry<String, JsonElement> argument : arguments.entrySet()) {
      assertThat(argument.getKey()).isEqualTo("eta");
      assertThat(sampler).isInstanceOf(Ddim.class);
      result = ((Ddim) sampler).eta(argument.getValue().getAsDouble());
    }
    return result;
  }

  private static VariancePreservingSchedule anySchedule() {
    JsonObject schedulers = info.getAsJsonObject("schedulers");
    JsonObject first = schedulers.getAsJsonObject(schedulers.keySet().iterator().next());
    return (VariancePreservingSchedule)
        read(first.get("class"), first.getAsJsonObject("config")).schedule();
  }

  private static SchedulerConfig read(JsonElement className, JsonObject config) {
    try {
      return SchedulerConfig.of(
          className.getAsString(), JsonConfig.parse(Path.of("config"), config.toString()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static NDArray tensor(String name) {
    UNUSED.remove(name);
    NDArray array = TENSORS.get(name);
    assertThat(array).as(name).isNotNull();
    return array;
  }

  private static double[] doubles(JsonObject json, String key) {
    return json.getAsJsonArray(key).asList().stream()
        .mapToDouble(JsonElement::getAsDouble)
        .toArray();
  }

  private static double largest(NDArray array) {
    return array.abs().max().toFloatArray()[0];
  }

  private static void close(String name, NDArray actual, NDArray expected, double tolerance) {
    Tolerance.maxAbs(tolerance).check(name, Tensor.of(actual), Tensor.of(expected));
  }
}
