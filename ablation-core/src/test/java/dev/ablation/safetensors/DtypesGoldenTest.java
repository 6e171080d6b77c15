package dev.ablation.safetensors;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** One tensor per number format, with edge values: their bytes and what they widen to. */
class DtypesGoldenTest {

  private static final Path FOLDER =
      Path.of(System.getProperty("ablation.golden"), "formats", "dtypes");
  private static final Path FILE = FOLDER.resolve("all-dtypes.safetensors");

  private static Map<String, JsonElement> expected() throws IOException {
    return JsonParser.parseString(Files.readString(FOLDER.resolve("all-dtypes.json")))
        .getAsJsonObject()
        .asMap();
  }

  private static NDManager manager() {
    return NDManager.newBaseManager(Device.fromName(System.getProperty("ablation.device")));
  }

  @Test
  void everyTensorIsCompared() throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(FILE)) {
      assertThat(file.tensors()).isNotEmpty();
      assertThat(file.tensors().keySet()).containsExactlyInAnyOrderElementsOf(expected().keySet());
    }
  }

  @TestFactory
  Stream<DynamicTest> bytesAndValuesAreThoseOfTheReference() throws IOException {
    return expected().entrySet().stream()
        .map(entry ->
            DynamicTest.dynamicTest(
                entry.getKey(), () -> compare(entry.getKey(), entry.getValue().getAsJsonObject())));
  }

  private static void compare(String name, JsonObject expected) throws IOException {
    byte[] bytes = HexFormat.of().parseHex(expected.get("hex_little_endian").getAsString());
    long[] shape =
        expected.getAsJsonArray("shape").asList().stream()
            .mapToLong(JsonElement::getAsLong)
            .toArray();
    List<JsonElement> values = expected.getAsJsonArray("values_as_float64_or_int").asList();
    try (SafetensorsFile file = SafetensorsFile.open(FILE);
        NDManager manager = manager()) {
      TensorEntry entry = file.tensor(name);
      assertThat(entry.shape().getShape()).isEqualTo(shape);
      assertThat(entry.elementCount()).isEqualTo(values.size());
      ByteBuffer read = ByteBuffer.allocate((int) entry.byteSize());
      file.readBytes(name, 0, read);
      assertThat(read.array()).isEqualTo(bytes);

      if (entry.dtype().arrayType().isPresent()) {
        NDArray array = file.read(name, manager);
        assertThat(array.getDataType()).isEqualTo(entry.dtype().arrayType().orElseThrow());
        assertThat(array.getShape().getShape()).isEqualTo(shape);
        ByteBuffer inArray = array.toByteBuffer();
        byte[] arrayBytes = new byte[inArray.remaining()];
        inArray.get(arrayBytes);
        assertThat(arrayBytes).isEqualTo(bytes);
      }

      assertThat(entry.dtype().isReadableAsFloat32()).isTrue();
      NDArray floats = file.readFloat32(name, manager);
      assertThat(floats.getDataType()).isEqualTo(DataType.FLOAT32);
      assertThat(floats.getShape().getShape()).isEqualTo(shape);
      float[] widened = floats.toFloatArray();
      assertThat(widened).hasSameSizeAs(values);
      for (int i = 0; i < widened.length; i++) {
        float value = asFloat(values.get(i));
        assertThat(Float.floatToIntBits(widened[i]))
            .as("%s[%d] = %s, should be %s", name, i, widened[i], value)
            .isEqualTo(Float.floatToIntBits(value));
      }
    }
  }

  private static float asFloat(JsonElement value) {
    if (value.getAsJsonPrimitive().isBoolean()) {
      return value.getAsBoolean() ? 1 : 0;
    }
    return switch (value.getAsString()) {
      case "inf" -> Float.POSITIVE_INFINITY;
      case "-inf" -> Float.NEGATIVE_INFINITY;
      case "nan" -> Float.NaN;
      default -> {
        String text = value.getAsString();
        yield text.matches("-?\\d+") ? (float) Long.parseLong(text) : (float) value.getAsDouble();
      }
    };
  }

  @TestFactory
  Stream<DynamicTest> float32NarrowsToTheBytesOfTheReference() throws IOException {
    Map<String, JsonElement> expected = expected();
    assertThat(expected).containsKeys("f32", "f16", "bf16");
    ByteBuffer floats = bytes(expected, "f32");
    return Stream.of("f16", "bf16")
        .flatMap(format -> {
          ByteBuffer narrow = bytes(expected, format);
          assertThat(narrow.capacity()).isEqualTo(floats.capacity() / 2);
          return Stream.iterate(0, i -> i + 1)
              .limit(floats.capacity() / 4)
              .map(i ->
                  DynamicTest.dynamicTest(
                      format + " of " + floats.getFloat(4 * i),
                      () -> narrows(format, floats.getFloat(4 * i), narrow.getShort(2 * i))));
        });
  }

  private static void narrows(String format, float value, short expected) {
    boolean half = format.equals("f16");
    short bits = half ? NarrowFloats.toFloat16(value) : NarrowFloats.toBfloat16(value);
    if (Float.isNaN(value)) { // any NaN is as good
      assertThat(half ? NarrowFloats.fromFloat16(bits) : NarrowFloats.fromBfloat16(bits)).isNaN();
      assertThat(half ? NarrowFloats.fromFloat16(expected) : NarrowFloats.fromBfloat16(expected))
          .isNaN();
    } else {
      assertThat(bits).isEqualTo(expected);
    }
  }

  private static ByteBuffer bytes(Map<String, JsonElement> expected, String name) {
    String hex = expected.get(name).getAsJsonObject().get("hex_little_endian").getAsString();
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex)).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Metadata with escapes, formats that arrays cannot hold, scalars and empty tensors survive. */
  @Test
  void copyingTheFileKeepsEveryByteOfIt(@TempDir Path folder) throws IOException {
    Path copy = folder.resolve("copy.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(FILE)) {
      Map<String, TensorSource> sources = new HashMap<>();
      file.tensors().keySet().forEach(name -> sources.put(name, file.source(name)));
      SafetensorsWriter.writeSources(copy, sources, file.metadata(), WriteOptions.defaults());
      try (SafetensorsFile again = SafetensorsFile.open(copy)) {
        assertThat(again.metadata()).containsAllEntriesOf(file.metadata());
        assertThat(again.tensors().keySet())
            .containsExactlyInAnyOrderElementsOf(file.tensors().keySet());
        for (TensorEntry entry : file.tensors().values()) {
          ByteBuffer before = ByteBuffer.allocate((int) entry.byteSize());
          ByteBuffer after = ByteBuffer.allocate((int) entry.byteSize());
          file.readBytes(entry.name(), 0, before);
          again.readBytes(entry.name(), 0, after);
          assertThat(after.array()).isEqualTo(before.array());
          assertThat(again.tensor(entry.name()).dtype()).isEqualTo(entry.dtype());
          assertThat(again.tensor(entry.name()).shape()).isEqualTo(entry.shape());
        }
      }
    }
  }
}
