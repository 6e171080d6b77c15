package dev.ablation.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsWriterTest {

  private static final DataType[] TYPES = {
    DataType.FLOAT32,
    DataType.FLOAT64,
    DataType.FLOAT16,
    DataType.INT64,
    DataType.INT32,
    DataType.INT8,
    DataType.UINT8,
    DataType.BOOLEAN
  };

  @TempDir private Path folder;
  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  static IntStream seeds() {
    return IntStream.concat(IntStream.range(0, 20), new Random().ints(1));
  }

  private static byte[] bytes(NDArray array) {
    ByteBuffer buffer = array.toByteBuffer();
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void whatIsWrittenIsRead(int seed) throws IOException {
    Random random = new Random(seed);
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (int i = random.nextInt(12); i > 0; i--) {
      DataType type = TYPES[random.nextInt(TYPES.length)];
      long[] shape = random.longs(random.nextInt(4), 0, 6).toArray();
      int count = (int) new Shape(shape).size();
      ByteBuffer data = ByteBuffer.allocateDirect(count * type.getNumOfBytes());
      while (data.hasRemaining()) {
        data.put((byte) random.nextInt(type == DataType.BOOLEAN ? 2 : 256));
      }
      arrays.put(name(random), manager.create(data.flip(), new Shape(shape), type));
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    for (int i = random.nextInt(4); i > 0; i--) {
      metadata.put(name(random), name(random));
    }
    Path path = folder.resolve("all.safetensors");
    SafetensorsWriter.write(path, arrays, metadata);

    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.metadata()).containsAllEntriesOf(metadata).containsEntry("format", "pt");
      assertThat(file.tensors().keySet()).containsExactlyInAnyOrderElementsOf(arrays.keySet());
      arrays.forEach((name, array) -> {
        TensorEntry entry = file.tensor(name);
        assertThat(entry.shape()).isEqualTo(array.getShape());
        assertThat(entry.begin() % entry.dtype().bytes()).as("alignment").isZero();
        try (NDArray read = file.read(name, manager)) {
          assertThat(read.getDataType()).isEqualTo(array.getDataType());
          assertThat(bytes(read)).isEqualTo(bytes(array));
        } catch (IOException e) {
          throw new AssertionError(e);
        }
      });
    }

    List<String> names = new ArrayList<>(arrays.keySet());
    Collections.shuffle(names, random);
    Map<String, NDArray> shuffled = new LinkedHashMap<>();
    names.forEach(name -> shuffled.put(name, arrays.get(name)));
    Path again = folder.resolve("again.safetensors");
    SafetensorsWriter.write(again, shuffled, metadata);
    assertThat(Files.readAllBytes(again)).isEqualTo(Files.readAllBytes(path));
    assertThat(manager.getManagedArrays()).as("no array leaks").hasSize(arrays.size());
  }

  private static String name(Random random) {
    String alphabet = "ab.0_\"\\/\n\u0001\u00e9\u4e2d\ud83d\ude00 ";
    StringBuilder name = new StringBuilder();
    for (int i = random.nextInt(1, 12); i > 0; i--) {
      int at = random.nextInt(alphabet.codePointCount(0, alphabet.length()));
      name.appendCodePoint(alphabet.codePointAt(alphabet.offsetByCodePoints(0, at)));
    }
    return name.toString();
  }

  /** These bytes were written by the reference implementation. */
  @Test
  void bytesAreThoseOfTheReference() throws IOException {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("b", manager.create(new float[] {1, 2}));
    arrays.put("i", manager.create(new long[] {5}));
    arrays.put("a\"\u0001\u00e9", manager.create(new float[] {3}, new Shape()));
    arrays.put("\ud83d\ude00", manager.create(new float[0], new Shape(0, 3)));
    arrays.put("\uffee", manager.create(new byte[] {1}).toType(DataType.BOOLEAN, true));
    Path path = folder.resolve("all.safetensors");
    SafetensorsWriter.write(path, arrays, Map.of());
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"i\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
            + "\"a\\\"\\u0001\u00e9\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[8,12]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]},"
            + "\"\ud83d\ude00\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[20,20]},"
            + "\"\uffee\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[20,21]}}";
    int length = header.getBytes(StandardCharsets.UTF_8).length;
    int padded = (length + 7) / 8 * 8;
    ByteBuffer expected = ByteBuffer.allocate(8 + padded + 21).order(ByteOrder.LITTLE_ENDIAN);
    expected.putLong(padded).put(header.getBytes(StandardCharsets.UTF_8));
    expected.put(" ".repeat(padded - length).getBytes(StandardCharsets.UTF_8));
    expected.putLong(5).putFloat(3).putFloat(1).putFloat(2).put((byte) 1);
    assertThat(Files.readAllBytes(path)).isEqualTo(expected.array());
  }

  @Test
  void metadataIsSortedAndMayNameAnotherFormat() throws IOException {
    Path path = folder.resolve("all.safetensors");
    SafetensorsWriter.write(
        path, Map.of(), Map.of("z", "1", "a", "2", "\u00e9", "3", "format", "np"));
    assertThat(Files.readString(path))
        .contains(
            "{\"__metadata__\":{\"a\":\"2\",\"format\":\"np\",\"z\":\"1\",\"\u00e9\":\"3\"}}");
  }

  @Test
  void viewsAreWrittenRowMajor() throws IOException {
    NDArray matrix = manager.arange(0f, 12f, 1f).reshape(3, 4);
    Path path = folder.resolve("view.safetensors");
    SafetensorsWriter.write(
        path, Map.of("t", matrix.transpose(), "s", matrix.get(":, 1:3")), Map.of());
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.read("t", manager).toFloatArray())
          .containsExactly(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11);
      assertThat(file.read("s", manager).toFloatArray()).containsExactly(1, 2, 5, 6, 9, 10);
    }
  }

  @Test
  void longArraysAreWrittenInPieces() throws IOException {
    NDArray array = manager.arange(0f, 3_000_017f, 1f);
    Path path = folder.resolve("long.safetensors");
    SafetensorsWriter.write(path, Map.of("a", array), Map.of());
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      NDArray read = file.read("a", manager);
      assertThat(read.contentEquals(array)).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16", "F32"})
  void floatsAreStoredAsAsked(Dtype format) throws IOException {
    Random random = new Random(5);
    double[] values = random.doubles(200_003, -70, 70).toArray();
    values[0] = Double.NaN;
    values[1] = Double.NEGATIVE_INFINITY;
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("f64", manager.create(values));
    arrays.put("f32", arrays.get("f64").toType(DataType.FLOAT32, true));
    arrays.put("f16", arrays.get("f64").toType(DataType.FLOAT16, true));
    arrays.put("i64", manager.create(new long[] {1L << 40}));
    Path path = folder.resolve("narrow.safetensors");
    SafetensorsWriter.write(
        path, arrays, Map.of(), WriteOptions.defaults().storingFloatsAs(format));
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.read("i64", manager).toLongArray()).containsExactly(1L << 40);
      for (String name : List.of("f64", "f32", "f16")) {
        assertThat(file.tensor(name).dtype()).isEqualTo(format);
        float[] expected = arrays.get(name).toType(DataType.FLOAT32, true).toFloatArray();
        for (int i = 0; i < expected.length; i++) {
          expected[i] =
              switch (format) {
                case F16 -> NarrowFloats.fromFloat16(NarrowFloats.toFloat16(expected[i]));
                case BF16 -> NarrowFloats.fromBfloat16(NarrowFloats.toBfloat16(expected[i]));
                default -> expected[i];
              };
        }
        assertThat(file.readFloat32(name, manager).toFloatArray()).isEqualTo(expected);
      }
    }
  }

  @Test
  void conversionTakesBytesInPiecesOfAnySize() throws IOException {
    Path path = folder.resolve("pieces.safetensors");
    TensorSource source =
        source(
            Dtype.F32,
            new Shape(3),
            out -> {
              ByteBuffer bytes = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
              bytes.putFloat(1.5f).putFloat(-2).putFloat(0.25f).flip();
              while (bytes.hasRemaining()) {
                out.write(ByteBuffer.wrap(new byte[] {bytes.get()}));
              }
            });
    SafetensorsWriter.writeSources(
        path, Map.of("a", source), Map.of(), WriteOptions.defaults().storingFloatsAs(Dtype.BF16));
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.readFloat32("a", manager).toFloatArray()).containsExactly(1.5f, -2, 0.25f);
    }
  }

  @Test
  void numbersThatDoNotFitAreRefused() {
    Path path = folder.resolve("large.safetensors");
    Map<String, NDArray> arrays = Map.of("w", manager.create(new float[] {1, 70_000}));
    assertThatThrownBy(() ->
            SafetensorsWriter.write(
                path, arrays, Map.of(), WriteOptions.defaults().storingFloatsAs(Dtype.F16)))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageContainingAll("'w'", "F16");
    assertThat(folder).isEmptyDirectory();
  }

  private interface Body {
    void writeTo(WritableByteChannel out) throws IOException;
  }

  private static TensorSource source(Dtype dtype, Shape shape, Body body) {
    return new TensorSource() {
      @Override
      public Dtype dtype() {
        return dtype;
      }

      @Override
      public Shape shape() {
        return shape;
      }

      @Override
      public void writeTo(WritableByteChannel out) throws IOException {
        body.writeTo(out);
      }
    };
  }

  static Stream<Body> failures() {
    return Stream.of(
        out -> {
          throw new IOException("disk on fire");
        },
        out -> {
          out.write(ByteBuffer.allocate(8));
          throw new IllegalStateException("disk on fire");
        },
        out -> {
          throw new AssertionError("disk on fire");
        },
        out -> out.write(ByteBuffer.allocate(12)),
        out -> out.write(ByteBuffer.allocate(20)));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void aFailureLeavesWhatWasThere(Body failure) throws IOException {
    Path path = folder.resolve("weights.safetensors");
    TensorSource good = source(Dtype.F32, new Shape(4), out -> out.write(ByteBuffer.allocate(16)));
    Map<String, TensorSource> sources =
        Map.of("a", good, "b", source(Dtype.F32, new Shape(4), failure));
    assertThatThrownBy(() -> write(path, sources)).isNotNull();
    assertThat(folder).isEmptyDirectory();

    write(path, Map.of("a", good));
    byte[] before = Files.readAllBytes(path);
    assertThatThrownBy(() -> write(path, sources))
        .satisfies(e -> assertThat(e.getMessage()).containsAnyOf("disk on fire", "'b' delivered"));
    assertThat(Files.readAllBytes(path)).isEqualTo(before);
    assertThat(folder).isDirectoryNotContaining(file -> !file.equals(path));
  }

  private static void write(Path path, Map<String, TensorSource> sources) throws IOException {
    SafetensorsWriter.writeSources(path, sources, Map.of(), WriteOptions.defaults());
  }

  @Test
  void existingFilesAreReplacedOrRefused() throws IOException {
    Path path = folder.resolve("weights.safetensors");
    Files.writeString(path, "old");
    Map<String, NDArray> arrays = Map.of("a", manager.create(1f));
    assertThatThrownBy(() ->
            SafetensorsWriter.write(
                path, arrays, Map.of(), WriteOptions.defaults().refusingExisting()))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining(path.toString());
    assertThat(path).hasContent("old");
    SafetensorsWriter.write(path, arrays, Map.of());
    SafetensorsFile.open(path).close();
    assertThatThrownBy(() ->
            SafetensorsWriter.write(
                folder.resolve("none").resolve("a.safetensors"), arrays, Map.of()))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("none");
  }

  @Test
  void aFileMayBeRewrittenFromItself() throws IOException {
    Path path = folder.resolve("weights.safetensors");
    NDArray array = manager.arange(0f, 100_000f, 1f);
    SafetensorsWriter.write(path, Map.of("a", array, "b", manager.create(2f)), Map.of("k", "v"));
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      write(path, Map.of("a", file.source("a")));
    }
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.tensors()).containsOnlyKeys("a");
      assertThat(file.read("a", manager).contentEquals(array)).isTrue();
    }
  }

  @Test
  void offsetsAreLong() {
    TensorSource big = source(Dtype.F32, new Shape(1L << 20, 1L << 12), out -> {});
    List<SafetensorsWriter.Item> items =
        SafetensorsWriter.layOut(
            Map.of("a", big, "b", big), WriteOptions.defaults().storingFloatsAs(Dtype.F16));
    String header =
        StandardCharsets.UTF_8.decode(SafetensorsWriter.header(items, Map.of())).toString();
    assertThat(header)
        .contains(
            "\"b\":{\"dtype\":\"F16\",\"shape\":[1048576,4096],"
                + "\"data_offsets\":[8589934592,17179869184]}");
  }

  @Test
  void wrongCallsAreTold() {
    Path path = folder.resolve("weights.safetensors");
    NDArray one = manager.create(1f);
    assertThatThrownBy(() -> SafetensorsWriter.write(path, Map.of("__metadata__", one), Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("__metadata__");
    assertThatThrownBy(() -> SafetensorsWriter.write(path, Map.of("\ud83d", one), Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("surrogate");
    assertThatThrownBy(() -> WriteOptions.defaults().storingFloatsAs(Dtype.I64))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("floats", "I64");
    assertThat(folder).isEmptyDirectory();
  }
}
