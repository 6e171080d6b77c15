package dev.ablation.djl.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden2;
import dev.ablation.sample.FlowMatchEuler;
import dev.ablation.sample.FlowSigmas;
import dev.ablation.sample.SamplerRun;
import dev.ablation.schedule.DynamicShift;
import dev.ablation.schedule.SigmaShift;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Compares sigmas and timesteps of flow matching with the published implementation's. */
class FlowMatchEulerGoldenTest {
  private static final String CLASS = "FlowMatchEulerDiscreteScheduler";

  @TestFactory
  List<DynamicTest> everyConfiguration() {
    JsonObject cases = Golden.object(Golden2.path("sd3/scheduler.json"));
    assertThat(cases.keySet()).isNotEmpty();
    return cases.keySet().stream()
        .map(name -> dynamicTest(name, () -> configured(cases.getAsJsonObject(name))))
        .toList();
  }

  private static SchedulerConfig read(JsonObject config) {
    try {
      return SchedulerConfig.of(CLASS, JsonConfig.parse(Path.of("config"), config.toString()));
    } catch (InvalidCheckpointException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void configured(JsonObject expected) {
    SchedulerConfig read = read(expected.getAsJsonObject("config"));
    JsonObject call = expected.getAsJsonObject("call");
    FlowMatchEuler sampler = (FlowMatchEuler) read.sampler();
    if (call.has("mu")) {
      double mu = call.get("mu").getAsDouble();
      JsonObject config = expected.getAsJsonObject("config");
      DynamicShift shift = SigmaShift.dynamic().baseShift(mu).maxShift(mu);
      boolean linear =
          config.has("time_shift_type")
              && config.get("time_shift_type").getAsString().equals("linear");
      sampler = sampler.shift(shift.linear(linear));
    }
    if (call.has("sigmas")) {
      sampler = sampler.sigmas(numbers(call.getAsJsonArray("sigmas")));
    }
    compare(read, sampler, call.get("steps").getAsInt(), new Shape(16, 8, 8), expected);
  }

  /** The resolution decides the shift of FLUX.1 dev; schnell has none. */
  @TestFactory
  List<DynamicTest> everyNumberOfTokens() {
    JsonObject cases = Golden.object(Golden2.path("flux-dev/scheduler.json"));
    assertThat(cases.keySet()).isNotEmpty();
    return cases.keySet().stream()
        .map(name -> dynamicTest(name, () -> ofTokens(cases.getAsJsonObject(name))))
        .toList();
  }

  private static void ofTokens(JsonObject expected) {
    JsonObject config = new JsonObject();
    Shape latents = new Shape(16, 8, 8);
    if (expected.has("image_seq_len")) {
      config.addProperty("use_dynamic_shifting", true);
      config.addProperty("shift", 3.0);
      int tokens = expected.get("image_seq_len").getAsInt();
      latents = new Shape(16, 2, 2L * tokens);
      assertThat(SigmaShift.dynamic().mu(tokens))
          .isCloseTo(expected.get("mu").getAsDouble(), within(1e-12));
    }
    SchedulerConfig read = read(config);
    int steps = expected.getAsJsonArray("timesteps").size();
    FlowMatchEuler sampler = ((FlowMatchEuler) read.sampler()).spacing(FlowSigmas.FRACTIONS);
    compare(read, sampler, steps, latents, expected);
  }

  private static void compare(
      SchedulerConfig read, FlowMatchEuler sampler, int steps, Shape latents, JsonObject expected) {
    try (SamplerRun run = sampler.start(read.schedule(), read.predictionType(), steps, latents)) {
      close(run.sigmas(), numbers(expected.getAsJsonArray("sigmas")), 0);
      close(run.timesteps(), numbers(expected.getAsJsonArray("timesteps")), 1e-3);
      assertThat(run.initNoiseSigma()).isEqualTo(1);
    }
  }

  private static void close(double[] actual, double[] expected, double absolute) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i])
          .as("number " + i)
          .isCloseTo(expected[i], Offset.offset(Math.max(absolute, 1e-5 * expected[i]) + 1e-12));
    }
  }

  private static double[] numbers(JsonArray array) {
    return array.asList().stream().mapToDouble(number -> number.getAsDouble()).toArray();
  }
}
