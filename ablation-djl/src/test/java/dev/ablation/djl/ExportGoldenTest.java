package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.golden.Golden;
import dev.ablation.model.CheckpointExport;
import dev.ablation.model.DiffusionModel;
import dev.ablation.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Folders as diffusers writes them, compared with those that are exported here, and folders with
 * small changes, which are read here unless they are incomplete.
 */
class ExportGoldenTest {
  private static final Path GOLDEN = Path.of(System.getProperty("ablation.golden"));
  private static final Path EXPORT = GOLDEN.resolve("formats").resolve("export");

  /** They say which version of a tool wrote the file, or where the model lay on its disk. */
  private static final Set<String> OF_THE_WRITER =
      Set.of("_diffusers_version", "transformers_version", "_name_or_path", "torch_dtype", "dtype");

  /** Diffusers fills up what is missing and runs pickles; here both are errors. */
  private static final Set<String> STRICTER =
      Set.of(
          "unet one tensor missing",
          "unet one tensor extra",
          "bin instead of safetensors for unet");

  private static final String INDEX = "model_index.json";
  private static final String UNET = "unet/config.json";
  private static final String SCHEDULER = "scheduler/scheduler_config.json";
  private static final String TEXT = "text_encoder/config.json";

  @TempDir Path folder;

  private static JsonObject json(Path file) throws IOException {
    return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
  }

  private static LoadOptions options() {
    return LoadOptions.defaults().device(Golden.device());
  }

  // What is written

  @TestFactory
  Stream<DynamicTest> exports() throws IOException {
    JsonObject expected = json(EXPORT.resolve("save_pretrained.json"));
    assertThat(expected.keySet()).isNotEmpty();
    return expected.keySet().stream()
        .map(name -> dynamicTest(name, () -> compare(name, expected.getAsJsonObject(name))));
  }

  private void compare(String name, JsonObject expected) throws IOException {
    Path exported = folder.resolve(name);
    try (DiffusionModel model =
        DiffusionPipeline.load(GOLDEN.resolve("pipelines").resolve(name), options())) {
      model.capability(CheckpointExport.class).orElseThrow().export(exported);
    }
    Set<String> written = new TreeSet<>();
    try (Stream<Path> files = Files.walk(exported)) {
      files
          .filter(Files::isRegularFile)
          .forEach(file -> written.add(exported.relativize(file).toString().replace('\\', '/')));
    }
    // Of a tokenizer the source's files are copied, which may be the older ones.
    assertThat(written)
        .containsAll(
            expected.getAsJsonObject("files_written_with_sizes").keySet().stream()
                .filter(file -> !file.endsWith("/tokenizer.json"))
                .toList())
        .noneMatch(file -> file.endsWith(".bin"));
    JsonObject files = expected.getAsJsonObject("json_files");
    for (String file : files.keySet()) {
      if (!file.startsWith("tokenizer")) {
        // Diffusers adds the defaults of its own version; here the source's settings are kept.
        assertThat(settings(files.getAsJsonObject(file)))
            .as(file)
            .containsAllEntriesOf(settings(json(exported.resolve(file))));
      }
    }
  }

  /** Null is the default, so an absent key says the same. */
  private static Map<String, JsonElement> settings(JsonObject json) {
    return json.entrySet().stream()
        .filter(entry -> !OF_THE_WRITER.contains(entry.getKey()))
        .filter(entry -> !entry.getValue().isJsonNull())
        .collect(Collectors.toMap(Map.Entry::getKey, entry -> number(entry.getValue())));
  }

  private static JsonElement number(JsonElement value) {
    return value instanceof JsonPrimitive primitive && primitive.isNumber()
        ? new JsonPrimitive(primitive.getAsDouble())
        : value;
  }

  // What is read

  /** A change of a folder. */
  @FunctionalInterface
  private interface Change {
    void apply(PipelineCopy copy) throws IOException;
  }

  private static Map<String, Change> changes() {
    Map<String, Change> changes = new HashMap<>();
    changes.put("as is", copy -> {});
    changes.put("unet config unknown key", copy -> copy.set(UNET, "foo", "1"));
    changes.put(
        "unet config no _class_name/_diffusers_version",
        copy -> {
          copy.remove(UNET, "_class_name");
          copy.remove(UNET, "_diffusers_version");
        });
    changes.put(
        "unet config version 0.6.0 sample_size 16",
        copy -> {
          copy.set(UNET, "_diffusers_version", "\"0.6.0\"");
          copy.set(UNET, "sample_size", "16");
        });
    changes.put(
        "model_index without feature_extractor/image_encoder/safety_checker keys",
        copy -> {
          for (String key : List.of("feature_extractor", "image_encoder", "safety_checker")) {
            copy.remove(INDEX, key);
          }
        });
    changes.put(
        "model_index without requires_safety_checker (safety null)",
        copy -> copy.remove(INDEX, "requires_safety_checker"));
    changes.put(
        "model_index requires_safety_checker true (safety null)",
        copy -> copy.set(INDEX, "requires_safety_checker", "true"));
    changes.put("model_index extra scalar key", copy -> copy.set(INDEX, "ablation", "\"x\""));
    changes.put(
        "model_index extra null component", copy -> copy.set(INDEX, "extra", "[null, null]"));
    changes.put(
        "model_index no _diffusers_version", copy -> copy.remove(INDEX, "_diffusers_version"));
    changes.put(
        "model_index CLIPTokenizerFast",
        copy -> copy.set(INDEX, "tokenizer", "[\"transformers\", \"CLIPTokenizerFast\"]"));
    changes.put("model_index vae null", copy -> copy.set(INDEX, "vae", "[null, null]"));
    changes.put("scheduler steps_offset 0", copy -> copy.set(SCHEDULER, "steps_offset", "0"));
    changes.put("scheduler clip_sample true", copy -> copy.set(SCHEDULER, "clip_sample", "true"));
    changes.put("scheduler unknown key", copy -> copy.set(SCHEDULER, "foo", "1"));
    changes.put(
        "scheduler class differs from model_index",
        copy -> copy.set(SCHEDULER, "_class_name", "\"DDIMScheduler\""));
    changes.put(
        "text_encoder safetensors without __metadata__", copy -> bare(copy, "text_encoder"));
    changes.put("unet safetensors without __metadata__", copy -> bare(copy, "unet"));
    changes.put(
        "text_encoder keys without text_model.",
        copy ->
            copy.weights(
                "text_encoder",
                (tensors, scope) -> {
                  for (String name : List.copyOf(tensors.keySet())) {
                    tensors.put(name.replaceFirst("^text_model\\.", ""), tensors.remove(name));
                  }
                }));
    changes.put(
        "text_encoder without position_ids",
        copy ->
            copy.weights(
                "text_encoder",
                (tensors, scope) -> tensors.remove("text_model.embeddings.position_ids")));
    changes.put(
        "unet one tensor missing",
        copy -> copy.weights("unet", (tensors, scope) -> tensors.remove("conv_in.bias")));
    changes.put(
        "unet one tensor extra",
        copy ->
            copy.weights(
                "unet", (tensors, scope) -> tensors.put("zzz", scope.zeros(new Shape(3)))));
    changes.put(
        "unet one tensor of another shape",
        copy ->
            copy.weights(
                "unet",
                (tensors, scope) -> {
                  NDArray bias = tensors.get("conv_in.bias");
                  tensors.put("conv_in.bias", bias.get("1:"));
                }));
    changes.put(
        "unet partly fp16",
        copy ->
            copy.weights(
                "unet",
                (tensors, scope) ->
                    tensors.replaceAll((name, tensor) ->
                        name.startsWith("mid_block")
                            ? tensor.toType(DataType.FLOAT16, true)
                            : tensor)));
    changes.put(
        "tokenizer without special_tokens_map.json",
        copy -> copy.delete("tokenizer/special_tokens_map.json"));
    changes.put(
        "tokenizer without tokenizer_config.json",
        copy -> copy.delete("tokenizer/tokenizer_config.json"));
    changes.put(
        "tokenizer only vocab+merges",
        copy -> {
          copy.delete("tokenizer/special_tokens_map.json");
          copy.delete("tokenizer/tokenizer_config.json");
        });
    changes.put("tokenizer only tokenizer.json + config", ExportGoldenTest::wholeTokenizer);
    changes.put(
        "tokenizer with added_tokens.json {}",
        copy -> Files.writeString(copy.path("tokenizer/added_tokens.json"), "{}"));
    changes.put(
        "text_encoder model_type clip (older config)",
        copy -> copy.set(TEXT, "model_type", "\"clip\""));
    changes.put(
        "text_encoder torch_dtype float16", copy -> copy.set(TEXT, "torch_dtype", "\"float16\""));
    changes.put(
        "README and extra files",
        copy -> {
          Files.writeString(copy.path("README.md"), "---\nlicense: mit\n---\n");
          Files.writeString(copy.path("unet/notes.txt"), "text");
        });
    changes.put(
        "bin instead of safetensors for unet",
        copy -> {
          Files.delete(copy.weightFile("unet"));
          Files.write(copy.path("unet/diffusion_pytorch_model.bin"), new byte[] {'P', 'K', 3, 4});
        });
    return changes;
  }

  /** Writes the file again without {@code __metadata__}, which the writer always adds. */
  private static void bare(PipelineCopy copy, String part) throws IOException {
    Path file = copy.weightFile(part);
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int length = Math.toIntExact(in.getLong());
    JsonObject header =
        JsonParser.parseString(new String(bytes, 8, length, StandardCharsets.UTF_8))
            .getAsJsonObject();
    header.remove("__metadata__");
    byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer out =
        ByteBuffer.allocate(8 + text.length + bytes.length - 8 - length)
            .order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(text.length).put(text).put(Arrays.copyOfRange(bytes, 8 + length, bytes.length));
    Files.write(file, out.array());
    try (SafetensorsFile written = SafetensorsFile.open(file)) {
      assertThat(written.metadata()).isEmpty();
    }
  }

  /** Replaces vocabulary and merges by one file with both. */
  private static void wholeTokenizer(PipelineCopy copy) throws IOException {
    JsonObject vocabulary = json(copy.path("tokenizer/vocab.json"));
    JsonObject model = new JsonObject();
    model.addProperty("type", "BPE");
    model.addProperty("end_of_word_suffix", "</w>");
    model.add("vocab", vocabulary);
    JsonArray merges = new JsonArray();
    Files.readAllLines(copy.path("tokenizer/merges.txt")).stream()
        .filter(line -> !line.startsWith("#version") && !line.isEmpty())
        .forEach(merges::add);
    model.add("merges", merges);
    JsonObject whole = new JsonObject();
    whole.add("added_tokens", new JsonArray());
    whole.add("model", model);
    Files.writeString(copy.path("tokenizer/tokenizer.json"), whole.toString());
    for (String file : List.of("vocab.json", "merges.txt", "special_tokens_map.json")) {
      copy.delete("tokenizer/" + file);
    }
  }

  @TestFactory
  Stream<DynamicTest> changedFolders() throws IOException {
    JsonObject cases = json(EXPORT.resolve("load-cases.json"));
    Map<String, Change> changes = changes();
    assertThat(changes.keySet()).containsAll(cases.keySet());
    assertThat(cases.keySet()).isNotEmpty();
    return cases.keySet().stream()
        .map(name ->
            dynamicTest(
                name,
                () ->
                    check(
                        name,
                        changes.get(name),
                        cases.getAsJsonObject(name).get("loads").getAsBoolean())));
  }

  private void check(String name, Change change, boolean loads) throws IOException {
    PipelineCopy copy = PipelineCopy.into(folder.resolve(name.replaceAll("\\W", "-")));
    change.apply(copy);
    if (loads && !STRICTER.contains(name)) {
      StableDiffusion.load(copy.root(), options()).close();
    } else {
      assertThatIOException()
          .isThrownBy(() -> StableDiffusion.load(copy.root(), options()).close())
          .withMessageContaining(copy.root().getFileName().toString());
    }
  }
}
