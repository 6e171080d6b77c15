package dev.ablation.djl.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** Ids of the reference tokenizer, exactly, on every prompt of the golden directory. */
class TokenizerGoldenTest {

  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));

  private final List<ClipTokenizer> open = new ArrayList<>();

  @AfterEach
  void close() {
    open.forEach(ClipTokenizer::close);
  }

  private ClipTokenizer tokenizer(String folder, int contextLength) throws IOException {
    ClipTokenizer tokenizer =
        ClipTokenizer.load(GOLDEN.resolve("pipelines").resolve(folder), contextLength);
    open.add(tokenizer);
    return tokenizer;
  }

  /** B: {@code plain_bpe_ids_if_different} is left out, it is no result of the reference. */
  @TestFactory
  Stream<DynamicContainer> prompts() throws IOException {
    JsonObject all = json(GOLDEN.resolve("B_components/tokenizer.json"));
    assertThat(all.keySet()).isNotEmpty();
    List<DynamicContainer> containers = new ArrayList<>();
    for (String key : all.keySet()) {
      JsonObject golden = all.getAsJsonObject(key);
      int context = golden.get("model_max_length").getAsInt();
      ClipTokenizer tokenizer = tokenizer(key, context);
      List<DynamicNode> tests = new ArrayList<>();
      tests.add(dynamicTest("settings", () -> checkSettings(tokenizer, golden)));
      JsonArray prompts = golden.getAsJsonArray("prompts");
      assertThat(prompts).as(key).isNotEmpty();
      for (int i = 0; i < prompts.size(); i++) {
        JsonObject prompt = prompts.get(i).getAsJsonObject();
        tests.add(
            dynamicTest(
                i + " " + prompt.get("prompt"), () -> checkPrompt(tokenizer, prompt, context)));
      }
      containers.add(dynamicContainer(key, tests));
    }
    return containers.stream();
  }

  private static void checkSettings(ClipTokenizer tokenizer, JsonObject golden) {
    assertThat(golden.keySet())
        .containsExactlyInAnyOrder(
            "vocab_size",
            "pad_token",
            "pad_token_id",
            "bos_token_id",
            "eos_token_id",
            "model_max_length",
            "prompts");
    assertThat(tokenizer.vocabularySize()).isEqualTo(golden.get("vocab_size").getAsInt());
    assertThat(tokenizer.padId()).isEqualTo(golden.get("pad_token_id").getAsInt());
    assertThat(tokenizer.startId()).isEqualTo(golden.get("bos_token_id").getAsInt());
    assertThat(tokenizer.endId()).isEqualTo(golden.get("eos_token_id").getAsInt());
    assertThat(tokenizer.contextLength()).isEqualTo(golden.get("model_max_length").getAsInt());
    assertThat(tokenizer.decode(List.of(tokenizer.padId())))
        .isEqualTo(golden.get("pad_token").getAsString());
  }

  private static void checkPrompt(ClipTokenizer tokenizer, JsonObject golden, int context) {
    assertThat(golden.keySet())
        .containsExactlyInAnyOrder(
            "prompt",
            "ids_without_special",
            "input_ids",
            "attention_mask",
            "length_untruncated_with_special",
            "plain_bpe_ids_if_different");
    String prompt = golden.get("prompt").getAsString();
    List<Integer> ids = ints(golden.getAsJsonArray("ids_without_special"));
    int length = golden.get("length_untruncated_with_special").getAsInt();
    assertThat(tokenizer.ids(prompt)).isEqualTo(ids);
    assertThat(tokenizer.ids(prompt)).hasSize(length - 2);
    assertThat(tokenizer.encode(prompt))
        .containsExactly(array(ints(golden.getAsJsonArray("input_ids"))));
    int attended = tokenizer.attentionLength(prompt);
    List<Integer> mask = new ArrayList<>();
    for (int i = 0; i < context; i++) {
      mask.add(i < attended ? 1 : 0);
    }
    assertThat(mask).isEqualTo(ints(golden.getAsJsonArray("attention_mask")));
    assertThat(tokenizer.cut(prompt).isEmpty()).isEqualTo(length <= context);
    assertThat(tokenizer.tokens(prompt).ids())
        .isEqualTo(ids.subList(0, Math.min(ids.size(), context - 2)));
    assertThat(tokenizer.tokens(prompt).cut()).isEqualTo(tokenizer.cut(prompt));
  }

  /** B: left out are the float outputs of the text encoders, which are no business of tokens. */
  @TestFactory
  Stream<DynamicContainer> textEncoderInputs() throws IOException {
    List<DynamicContainer> containers = new ArrayList<>();
    for (Path folder : pipelines("B_components")) {
      Golden file = Golden.read(folder.resolve("text.safetensors"));
      List<String> prompts =
          strings(json(folder.resolve("info.json")).getAsJsonArray("text_prompts"));
      Set<String> rest = new TreeSet<>(file.names());
      rest.removeIf(name ->
          name.startsWith("text_encoder.")
              || name.startsWith("text_encoder_2.")
              || name.equals("prompt_embeds")
              || name.equals("pooled_prompt_embeds"));
      List<DynamicNode> tests = new ArrayList<>();
      for (String tensor : rest) {
        String part = tensor.equals("input_ids") ? "tokenizer" : "tokenizer_2";
        assertThat(tensor).isIn("input_ids", "input_ids_2");
        addRows(tests, folder.getFileName() + "/" + part, file, tensor, prompts);
      }
      assertThat(rest).contains("input_ids");
      containers.add(dynamicContainer(folder.getFileName().toString(), tests));
    }
    assertThat(containers).isNotEmpty();
    return containers.stream();
  }

  /** E: left out is what the training reads besides prompts. */
  @TestFactory
  Stream<DynamicContainer> trainingPrompts() throws IOException {
    List<DynamicContainer> containers = new ArrayList<>();
    for (Path folder : pipelines("E_training")) {
      Golden file = Golden.read(folder.resolve("data.safetensors"));
      Map<String, String> tensors = new LinkedHashMap<>();
      tensors.put("input_ids", "target_prompts");
      tensors.put("input_anchor_ids", "anchor_prompts");
      tensors.put("class_ids", "class_prompts");
      Set<String> names = new TreeSet<>(tensors.keySet());
      names.addAll(
          Set.of(
              "image_pool_uint8",
              "image_index",
              "class_image_index",
              "posterior_noise",
              "noise",
              "latents",
              "timesteps",
              "mask"));
      assertThat(file.names()).isEqualTo(names);
      JsonArray steps = json(folder.resolve("prompts.json")).getAsJsonArray("steps");
      List<DynamicNode> tests = new ArrayList<>();
      for (Map.Entry<String, String> entry : tensors.entrySet()) {
        List<String> prompts = new ArrayList<>();
        for (JsonElement step : steps) {
          prompts.addAll(strings(step.getAsJsonObject().getAsJsonArray(entry.getValue())));
        }
        addRows(tests, folder.getFileName() + "/tokenizer", file, entry.getKey(), prompts);
      }
      containers.add(dynamicContainer(folder.getFileName().toString(), tests));
    }
    assertThat(containers).isNotEmpty();
    return containers.stream();
  }

  private void addRows(
      List<DynamicNode> tests, String folder, Golden file, String tensor, List<String> prompts)
      throws IOException {
    int[][] rows = file.rows(tensor);
    assertThat(prompts).as(folder + " " + tensor).hasSize(rows.length);
    ClipTokenizer tokenizer = tokenizer(folder, rows[0].length);
    for (int i = 0; i < rows.length; i++) {
      int[] row = rows[i];
      String prompt = prompts.get(i);
      tests.add(
          dynamicTest(
              tensor + " " + i + " " + prompt,
              () -> assertThat(tokenizer.encode(prompt)).containsExactly(row)));
    }
  }

  /** One folder per pipeline; a folder without the data it should have fails later. */
  private static List<Path> pipelines(String part) throws IOException {
    try (Stream<Path> folders = Files.list(GOLDEN.resolve(part))) {
      return folders.filter(Files::isDirectory).sorted().toList();
    }
  }

  private static JsonObject json(Path file) throws IOException {
    return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
  }

  private static List<Integer> ints(JsonArray array) {
    return array.asList().stream().map(JsonElement::getAsInt).toList();
  }

  private static List<String> strings(JsonArray array) {
    return array.asList().stream().map(JsonElement::getAsString).toList();
  }

  private static int[] array(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).toArray();
  }

  /** A safetensors file, of which only int64 tensors are read. */
  private record Golden(JsonObject header, ByteBuffer data) {

    static Golden read(Path file) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      int length = Math.toIntExact(bytes.getLong());
      String header = new String(bytes.array(), Long.BYTES, length, StandardCharsets.UTF_8);
      return new Golden(
          JsonParser.parseString(header).getAsJsonObject(),
          bytes
              .slice(Long.BYTES + length, bytes.limit() - Long.BYTES - length)
              .order(ByteOrder.LITTLE_ENDIAN));
    }

    Set<String> names() {
      Set<String> names = new TreeSet<>(header.keySet());
      names.remove("__metadata__");
      return names;
    }

    /** All axes but the last as rows. */
    int[][] rows(String name) {
      JsonObject tensor = header.getAsJsonObject(name);
      assertThat(tensor.get("dtype").getAsString()).isEqualTo("I64");
      List<Integer> shape = ints(tensor.getAsJsonArray("shape"));
      int width = shape.get(shape.size() - 1);
      int count = shape.stream().reduce(1, Math::multiplyExact) / width;
      int begin = tensor.getAsJsonArray("data_offsets").get(0).getAsInt();
      int[][] rows = new int[count][width];
      for (int i = 0; i < count * width; i++) {
        long id = data.getLong(begin + i * Long.BYTES);
        rows[i / width][i % width] = Math.toIntExact(id);
      }
      return rows;
    }
  }
}
