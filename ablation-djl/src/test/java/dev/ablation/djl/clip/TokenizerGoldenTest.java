package dev.ablation.djl.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.golden.Golden;
import dev.ablation.golden.TensorFile;
import java.io.IOException;
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

  private final List<ClipTokenizer> open = new ArrayList<>();

  @AfterEach
  void close() {
    open.forEach(ClipTokenizer::close);
  }

  private ClipTokenizer tokenizer(String folder, int contextLength) throws IOException {
    ClipTokenizer tokenizer =
        ClipTokenizer.load(Golden.path("pipelines").resolve(folder), contextLength);
    open.add(tokenizer);
    return tokenizer;
  }

  /** B: {@code plain_bpe_ids_if_different} is left out, it is no result of the reference. */
  @TestFactory
  Stream<DynamicContainer> prompts() throws IOException {
    JsonObject all = Golden.object(Golden.path("B_components/tokenizer.json"));
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
      TensorFile file = TensorFile.of(folder.resolve("text.safetensors"));
      List<String> prompts =
          Golden.strings(Golden.object(folder.resolve("info.json")).getAsJsonArray("text_prompts"));
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
      TensorFile file = TensorFile.of(folder.resolve("data.safetensors"));
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
      assertThat(new TreeSet<>(file.names())).isEqualTo(names);
      JsonArray steps = Golden.object(folder.resolve("prompts.json")).getAsJsonArray("steps");
      List<DynamicNode> tests = new ArrayList<>();
      for (Map.Entry<String, String> entry : tensors.entrySet()) {
        List<String> prompts = new ArrayList<>();
        for (JsonElement step : steps) {
          prompts.addAll(Golden.strings(step.getAsJsonObject().getAsJsonArray(entry.getValue())));
        }
        addRows(tests, folder.getFileName() + "/tokenizer", file, entry.getKey(), prompts);
      }
      containers.add(dynamicContainer(folder.getFileName().toString(), tests));
    }
    assertThat(containers).isNotEmpty();
    return containers.stream();
  }

  private void addRows(
      List<DynamicNode> tests, String folder, TensorFile file, String tensor, List<String> prompts)
      throws IOException {
    int[][] rows = rows(file, tensor);
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
    try (Stream<Path> folders = Files.list(Golden.path(part))) {
      return folders.filter(Files::isDirectory).sorted().toList();
    }
  }

  private static List<Integer> ints(JsonArray array) {
    return array.asList().stream().map(JsonElement::getAsInt).toList();
  }

  private static int[] array(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).toArray();
  }

  /** All axes but the last as rows. */
  private static int[][] rows(TensorFile file, String tensor) throws IOException {
    long[] ids = file.longs(tensor);
    Shape shape = file.shape(tensor);
    int width = Math.toIntExact(shape.get(shape.dimension() - 1));
    int[][] rows = new int[ids.length / width][width];
    for (int i = 0; i < ids.length; i++) {
      rows[i / width][i % width] = Math.toIntExact(ids[i]);
    }
    return rows;
  }
}
