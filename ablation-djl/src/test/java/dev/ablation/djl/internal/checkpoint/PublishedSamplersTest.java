package dev.ablation.djl.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplerRun;
import dev.ablation.sample.Tcd;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Samplers that the golden files do not have, with the network {@code sin(input)} and the noise
 * that the published implementation drew: {@code schedulers.py} makes the numbers.
 */
class PublishedSamplersTest {
  private static final double TOLERANCE = 1e-4;

  /** One run of the published implementation. */
  private record Case(JsonObject json) {
    @Override
    public String toString() {
      return "%s %s, %s steps"
          .formatted(json.get("scheduler"), json.get("config"), json.get("steps"));
    }
  }

  static Stream<Case> cases() throws IOException {
    InputStream in =
        Objects.requireNonNull(
            PublishedSamplersTest.class.getResourceAsStream("/dev/ablation/djl/schedulers.json"));
    try (InputStreamReader reader = new InputStreamReader(in, StandardCharsets.UTF_8)) {
      return JsonParser.parseReader(reader).getAsJsonArray().asList().stream()
          .map(each -> new Case(each.getAsJsonObject()));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void samplesAreThePublishedOnes(Case each) throws IOException {
    JsonObject json = each.json;
    JsonObject config = json.getAsJsonObject("config").deepCopy();
    JsonElement eta = config.remove("eta");
    SchedulerConfig read =
        SchedulerConfig.of(
            json.get("scheduler").getAsString(),
            JsonConfig.parse(Path.of("config"), config.toString()));
    Sampler sampler =
        eta == null ? read.sampler() : ((Tcd) read.sampler()).gamma(eta.getAsDouble());
    JsonArray samples = json.getAsJsonArray("samples");
    JsonArray noises = json.getAsJsonArray("noise");
    try (NDManager scope = NDManager.newBaseManager();
        SamplerRun run =
            sampler.start(
                read.schedule(),
                read.predictionType(),
                json.get("steps").getAsInt(),
                new Shape(4, 1, 1))) {
      assertThat(run.timesteps())
          .containsExactly(doubles(json.getAsJsonArray("timesteps")), Offset.offset(1e-3));
      NDArray x = array(json.getAsJsonArray("start"), scope);
      assertThat(run.initNoiseSigma()).isCloseTo(x.getFloat(0, 0), Offset.offset(1e-3));
      int drawn = 0;
      for (int i = 0; i < run.steps(); i++) {
        NDArray noise =
            run.drawsNoise(i) ? array(noises.get(drawn++).getAsJsonArray(), scope) : null;
        x = run.step(run.scaleModelInput(x, i).sin(), i, x, noise);
        int stored = i - (run.steps() - samples.size());
        if (stored >= 0) {
          double[] expected = doubles(samples.get(stored).getAsJsonArray());
          for (int k = 0; k < expected.length; k++) {
            assertThat((double) x.getFloat(0, k))
                .as("value %d after call %d", k, i)
                .isCloseTo(
                    expected[k], Offset.offset(TOLERANCE * Math.max(1, Math.abs(expected[k]))));
          }
        }
      }
      assertThat(drawn).isEqualTo(noises.size());
    }
  }

  private static NDArray array(JsonArray numbers, NDManager owner) {
    NDArray array = owner.create(doubles(numbers), new Shape(1, numbers.size()));
    return array.toType(DataType.FLOAT32, false);
  }

  private static double[] doubles(JsonArray numbers) {
    return numbers.asList().stream().mapToDouble(JsonElement::getAsDouble).toArray();
  }
}
