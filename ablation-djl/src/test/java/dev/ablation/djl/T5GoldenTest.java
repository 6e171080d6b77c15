package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.t5.T5EncoderModel;
import dev.ablation.djl.t5.T5TextEncoder;
import dev.ablation.djl.t5.T5Tokenizer;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** Second golden set: ids of T5 tokenizers, every output of T5 encoders. */
class T5GoldenTest {
  private static final String IDS = "in.input_ids";
  private static final int ID_LENGTH = 64;

  @TestFactory
  Stream<DynamicContainer> tokenizers() {
    JsonObject golden = Golden.object(FlowGolden.path("t5tok/ids.json"));
    List<String> folders = FlowGolden.folders(FlowGolden.path("t5tok"));
    assertThat(folders).isNotEmpty();
    return folders.stream()
        .map(folder ->
            DynamicContainer.dynamicContainer(
                folder,
                Stream.of(folder)
                    .flatMap(name -> tokenizerTests(name, golden.getAsJsonObject(name)))));
  }

  private static Stream<DynamicNode> tokenizerTests(String name, JsonObject golden) {
    List<DynamicNode> tests = new ArrayList<>();
    try (T5Tokenizer tokenizer = T5Tokenizer.load(FlowGolden.path("t5tok/" + name), ID_LENGTH)) {
      List<Integer> special =
          List.of(tokenizer.vocabularySize(), tokenizer.padId(), tokenizer.endId());
      tests.add(
          dynamicTest(
              "special tokens",
              () ->
                  assertThat(special)
                      .containsExactly(
                          golden.get("vocab_size").getAsInt(),
                          golden.get("pad").getAsInt(),
                          golden.get("eos").getAsInt())));
      for (JsonElement element : golden.getAsJsonArray("prompts")) {
        JsonObject expected = element.getAsJsonObject();
        String prompt = expected.get("prompt").getAsString();
        List<Integer> ids = tokenizer.ids(prompt);
        int[] input = tokenizer.encode(prompt);
        int mask = tokenizer.attentionLength(prompt);
        String shown = prompt.length() > 60 ? prompt.substring(0, 60) + "..." : prompt;
        tests.add(dynamicTest("'" + shown + "'", () -> checkIds(expected, ids, input, mask)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertThat(tests).hasSizeGreaterThan(1);
    return tests.stream();
  }

  private static void checkIds(JsonObject expected, List<Integer> ids, int[] input, int mask) {
    if (!expected.get("ids").isJsonNull()) {
      assertThat(ids).containsExactlyElementsOf(ints(expected.getAsJsonArray("ids")));
    }
    assertThat(ids).hasSize(expected.get("length_without_eos").getAsInt());
    assertThat(Arrays.stream(input).boxed())
        .containsExactlyElementsOf(ints(expected.getAsJsonArray("input_ids_64")));
    assertThat(mask).isEqualTo(expected.get("attention_mask_sum_64").getAsInt());
  }

  private static List<Integer> ints(JsonArray array) {
    return array.asList().stream().map(JsonElement::getAsInt).toList();
  }

  @TestFactory
  Stream<DynamicContainer> encoders() {
    List<Family> families = new ArrayList<>(FlowGolden.families("StableDiffusion3Pipeline"));
    families.addAll(FlowGolden.families("FluxPipeline"));
    families.removeIf(family -> !family.has(family.component("T5EncoderModel")));
    assertThat(families).as("families with values of T5").isNotEmpty();
    return FlowGolden.containers(families, T5GoldenTest::encoder);
  }

  private static Stream<DynamicNode> encoder(Family family) throws IOException {
    String component = family.component("T5EncoderModel");
    JsonObject info = Golden.object(family.data().resolve("text.json"));
    List<DynamicNode> nodes = new ArrayList<>();
    nodes.add(
        DynamicContainer.dynamicContainer(
            component,
            tests(
                family,
                family.file(component),
                Golden.strings(info.get("prompts")),
                info.get("t5_max_length").getAsInt())));
    if (info.has("t5_long")) {
      JsonObject far = info.getAsJsonObject("t5_long");
      nodes.add(
          DynamicContainer.dynamicContainer(
              component + "_long",
              tests(
                  family,
                  family.file(component + "_long"),
                  Golden.strings(far.get("prompts")),
                  far.get("max_length").getAsInt())));
    }
    return nodes.stream();
  }

  private static Stream<DynamicNode> tests(
      Family family, TensorFile file, List<String> prompts, int length) throws IOException {
    Map<String, Tensor> computed = new LinkedHashMap<>();
    long[] ids;
    try (NDManager manager = FlowGolden.manager()) {
      T5TextEncoder encoder = FlowGolden.t5(family, manager);
      try (NDArray input = encoder.tokenizer().encode(prompts, length, manager)) {
        ids = input.toLongArray();
      }
      encoder.tokenizer().close();
      T5EncoderModel model = encoder.model();
      Map<String, String> layers = layers(file, model.config().layers());
      NDArray input = file.array(IDS, manager);
      try (ObservedOutputs observed = new ObservedOutputs(model, layers.values())) {
        computed.put(
            "last_hidden_state",
            FlowTransformerTests.run(() -> model.applyAll(new NDList(input)).head()));
        layers.forEach((name, layer) ->
            computed.put(
                name, FlowTransformerTests.likeStored(observed.output(layer, 0), file, name)));
      }
    }
    TensorTests tests = new TensorTests(file);
    tests.compareAll(
        List.of(IDS), dynamicTest(IDS, () -> assertThat(ids).isEqualTo(file.longs(IDS))));
    computed.forEach((name, tensor) -> tests.compare(name, FlowGolden.TEXT, () -> tensor));
    return tests.stream();
  }

  /** Names of the file's tensors to the layers whose outputs they are. */
  private static Map<String, String> layers(TensorFile file, int blocks) {
    Map<String, String> layers = new LinkedHashMap<>();
    for (String name : file.names()) {
      if (name.equals("position_bias")) {
        layers.put(name, "encoder.block.0.layer.0.SelfAttention.relative_attention_bias");
      } else if (name.startsWith("hidden.")) {
        int i = Integer.parseInt(name.substring("hidden.".length()));
        layers.put(
            name, i == 0 ? "shared" : i == blocks ? "encoder.final_layer_norm" : block(i - 1));
      } else if (name.startsWith("act.")) {
        String layer = name.substring("act.".length());
        boolean indexed = layer.endsWith(".0.0") || layer.endsWith("SelfAttention.0");
        layers.put(name, indexed ? layer.substring(0, layer.length() - 2) : layer);
      }
    }
    return layers;
  }

  private static String block(int index) {
    return "encoder.block." + index;
  }
}
