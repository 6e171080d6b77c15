package dev.ablation.djl.internal.torchfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.ablation.safetensors.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Files of torch.save, by the type, shape and bytes that PyTorch reads from them. */
class TorchFileGoldenTest {
  private static final Path DELTA =
      Path.of(System.getProperty("ablation.golden"), "formats", "delta");

  private static final Map<String, Dtype> DTYPES =
      Map.of(
          "float32", Dtype.F32,
          "float16", Dtype.F16,
          "bfloat16", Dtype.BF16,
          "float64", Dtype.F64,
          "int64", Dtype.I64,
          "int32", Dtype.I32,
          "int16", Dtype.I16,
          "int8", Dtype.I8,
          "uint8", Dtype.U8,
          "bool", Dtype.BOOL);

  private static final String OTHER_VALUES = "_other_values";

  private static JsonObject json(String name) throws IOException {
    return JsonParser.parseString(Files.readString(DELTA.resolve(name))).getAsJsonObject();
  }

  @TestFactory
  Stream<DynamicTest> everyFileHasItsTensorsOrIsRefused() throws IOException {
    JsonObject tensors = json("tensors.json");
    JsonObject pickles = json("pickle-opcodes.json");
    List<DynamicTest> tests = new ArrayList<>();
    List<Path> files;
    try (Stream<Path> list = Files.list(DELTA)) {
      files = list.filter(file -> file.toString().matches(".*\\.(bin|ckpt|pt)")).sorted().toList();
    }
    assertThat(files).isNotEmpty();
    for (Path file : files) {
      String name = file.getFileName().toString();
      if (name.startsWith("hostile")) {
        tests.add(dynamicTest(name, () -> refused(file, pickles.getAsJsonObject(name))));
      } else {
        tests.add(dynamicTest(name, () -> equal(file, tensors.getAsJsonObject(name))));
      }
    }
    assertThat(files.stream().map(file -> file.getFileName().toString()))
        .containsAll(
            tensors.keySet().stream().filter(name -> !name.endsWith(".safetensors")).toList());
    return tests.stream();
  }

  private static void equal(Path file, JsonObject expected) throws Exception {
    try (TorchFile torch = TorchFile.open(file)) {
      Map<String, TorchTensor> tensors = torch.tensors("/");
      Set<String> names = new LinkedHashSet<>(expected.keySet());
      if (names.remove(OTHER_VALUES)) {
        JsonObject others = expected.getAsJsonObject(OTHER_VALUES);
        for (String key : others.keySet()) {
          Object value = torch.get(key);
          assertThat(value instanceof PickleReader.Tuple tuple ? tuple.items() : value)
              .as(key)
              .isEqualTo(plain(others.get(key)));
        }
      }
      assertThat(tensors.keySet()).isEqualTo(names).isNotEmpty();
      for (Map.Entry<String, TorchTensor> entry : tensors.entrySet()) {
        JsonObject about = expected.getAsJsonObject(entry.getKey());
        TorchTensor tensor = entry.getValue();
        assertThat(tensor.dtype()).isEqualTo(DTYPES.get(about.get("dtype").getAsString()));
        assertThat(Arrays.stream(tensor.shape().getShape()).boxed())
            .containsExactlyElementsOf(
                about.getAsJsonArray("shape").asList().stream()
                    .map(JsonElement::getAsLong)
                    .toList());
        assertThat(tensor.requiresGradient()).isEqualTo(about.get("requires_grad").getAsBoolean());
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(tensor.bytes());
        assertThat(HexFormat.of().formatHex(digest))
            .as(entry.getKey())
            .isEqualTo(about.get("sha256_of_contiguous_little_endian_bytes").getAsString());
      }
    }
  }

  /** JSON as the values that a pickle has. */
  private static @Nullable Object plain(JsonElement json) {
    if (json.isJsonArray()) {
      return json.getAsJsonArray().asList().stream()
          .map(TorchFileGoldenTest::plain)
          .collect(Collectors.toCollection(ArrayList::new));
    }
    if (json.isJsonNull()) {
      return null;
    }
    JsonPrimitive value = json.getAsJsonPrimitive();
    if (value.isBoolean()) {
      return value.getAsBoolean();
    }
    if (value.isString()) {
      return value.getAsString();
    }
    return value.getAsString().contains(".") ? (Object) value.getAsDouble() : value.getAsLong();
  }

  private static void refused(Path file, JsonObject about) {
    List<String> forbidden =
        about.getAsJsonArray("globals").asList().stream()
            .map(JsonElement::getAsString)
            .filter(name -> !name.startsWith("torch") && !name.startsWith("collections"))
            .map(name -> name.replace(' ', '.'))
            .toList();
    assertThat(forbidden).isNotEmpty();
    assertThatIOException()
        .isThrownBy(() -> TorchFile.open(file).close())
        .withMessageStartingWith(file + ": ")
        .satisfies(e -> assertThat(forbidden).anyMatch(e.getMessage()::contains));
  }
}
