package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Weight;
import dev.ablation.djl.unet.UNet2DConditionModel;
import dev.ablation.djl.unet.UNetConfig;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.djl.vae.VaeConfig;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Networks of many configurations against the published classes. {@code config-variants.py} made
 * the expected numbers; weights and inputs follow the formula of {@link #noise}.
 */
class ConfigVariantsTest {
  private static final double TOLERANCE = 2e-5;

  @TempDir private Path folder;

  static Stream<Arguments> cases() throws IOException {
    try (Reader reader =
        new InputStreamReader(
            Objects.requireNonNull(
                ConfigVariantsTest.class.getResourceAsStream("config-variants.json")),
            StandardCharsets.UTF_8)) {
      JsonArray cases = JsonParser.parseReader(reader).getAsJsonArray();
      return StreamSupport.stream(cases.spliterator(), false)
          .map(JsonElement::getAsJsonObject)
          .map(c ->
              Arguments.of(c.get("network").getAsString() + ", " + c.get("name").getAsString(), c))
          .toList()
          .stream();
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void networkEqualsThePublishedClass(String name, JsonObject expected) throws IOException {
    Path file = Files.writeString(folder.resolve("config.json"), expected.get("config").toString());
    JsonConfig config = JsonConfig.read(file);
    Device device = Device.fromName(System.getProperty("ablation.device"));
    try (NDManager manager = NDManager.newBaseManager(device)) {
      Map<String, NDArray> outputs =
          switch (expected.get("network").getAsString()) {
            case "unet" -> unet(UNetConfig.of(config), size(expected), manager);
            case "vae" -> vae(VaeConfig.of(config), size(expected), manager);
            default -> text(ClipTextConfig.of(config), expected.getAsJsonArray("ids"), manager);
          };
      for (Map.Entry<String, NDArray> output : outputs.entrySet()) {
        check(output.getValue(), expected.getAsJsonObject(output.getKey()));
      }
    }
  }

  private static Map<String, NDArray> unet(UNetConfig config, int[] size, NDManager manager) {
    UNet2DConditionModel unet = fill(new UNet2DConditionModel(config), manager);
    NDArray latents = input(manager, 2, config.inChannels(), size[0], size[1]);
    NDArray timesteps = manager.create(new long[] {7, 981});
    NDArray states = input(manager, 2, 5, config.crossAttentionDim());
    return GradMode.with(false, () -> Map.of("out", unet.apply(latents, timesteps, states)));
  }

  private static Map<String, NDArray> vae(VaeConfig config, int[] size, NDManager manager) {
    AutoencoderKL vae = fill(new AutoencoderKL(config), manager);
    NDArray image = input(manager, 2, 3, size[0], size[1]);
    NDArray latents = input(manager, 2, config.latentChannels(), size[0], size[1]);
    return GradMode.with(
        false, () -> Map.of("moments", vae.moments(image), "image", vae.apply(latents)));
  }

  private static Map<String, NDArray> text(
      ClipTextConfig config, JsonArray rows, NDManager manager) {
    ClipTextModel text = fill(new ClipTextModel(config), manager);
    long[] ids =
        StreamSupport.stream(rows.spliterator(), false)
            .flatMap(row -> row.getAsJsonArray().asList().stream())
            .mapToLong(JsonElement::getAsLong)
            .toArray();
    NDArray input = manager.create(ids, new Shape(rows.size(), ids.length / rows.size()));
    return GradMode.with(
        false,
        () -> {
          NDArray states = text.applyAll(new NDList(input)).head();
          return Map.of("states", states, "pooled", text.pooled(states, input));
        });
  }

  private static void check(NDArray output, JsonObject expected) {
    long[] shape =
        expected.getAsJsonArray("shape").asList().stream()
            .mapToLong(JsonElement::getAsLong)
            .toArray();
    assertThat(output.getShape()).isEqualTo(new Shape(shape));
    float[] values = output.toFloatArray();
    JsonArray samples = expected.getAsJsonArray("values");
    double sum = 0;
    double squares = 0;
    for (float value : values) {
      sum += value;
      squares += (double) value * value;
    }
    double mean = sum / values.length;
    for (int i = 0; i < samples.size(); i++) {
      assertThat((double) values[(int) ((long) i * values.length / samples.size())])
          .as("sample %d", i)
          .isCloseTo(samples.get(i).getAsDouble(), within(TOLERANCE));
    }
    assertThat(mean).isCloseTo(expected.get("mean").getAsDouble(), within(TOLERANCE));
    assertThat(Math.sqrt(squares / values.length - mean * mean))
        .isCloseTo(expected.get("deviation").getAsDouble(), within(TOLERANCE));
  }

  private static int[] size(JsonObject expected) {
    return expected.getAsJsonArray("size").asList().stream()
        .mapToInt(JsonElement::getAsInt)
        .toArray();
  }

  private static <L extends Layer> L fill(L network, NDManager manager) {
    Map<String, Weight> weights = new TreeMap<>();
    network.forEachWeight(weights::put);
    int k = 0;
    for (Map.Entry<String, Weight> entry : weights.entrySet()) {
      Shape shape = entry.getValue().shape();
      double[] values = noise((int) shape.size(), k++);
      float[] floats = new float[values.length];
      for (int i = 0; i < values.length; i++) {
        if (shape.dimension() > 1) {
          floats[i] = (float) (values[i] * 1.5 / Math.sqrt(shape.slice(1).size()));
        } else if (entry.getKey().endsWith("bias")) {
          floats[i] = (float) (values[i] * 0.1);
        } else {
          floats[i] = (float) (1 + values[i] * 0.2);
        }
      }
      entry.getValue().load(manager.create(floats, shape));
    }
    return network;
  }

  private static NDArray input(NDManager manager, long... shape) {
    double[] values = noise((int) new Shape(shape).size(), 1);
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return manager.create(floats, new Shape(shape));
  }

  /** Hashes of integers, spread over -1..1. */
  private static double[] noise(int count, int k) {
    long mask = (1L << 32) - 1;
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      long h = (i + 1000003L * k) & mask;
      h = ((h ^ (h >> 16)) * 73244475L) & mask;
      h = ((h ^ (h >> 16)) * 73244475L) & mask;
      h ^= h >> 16;
      values[i] = h / (double) (1L << 31) - 1;
    }
    return values;
  }
}
