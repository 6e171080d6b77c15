package dev.ablation.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ablation.safetensors.MalformedSafetensorsException.Rule;
import dev.ablation.safetensors.SafetensorsFile.Access;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFileTest {

  private static final int LARGE = SafetensorsFile.MIN_MAPPED_BYTES; // floats: four times the bytes

  @TempDir private Path folder;
  private final NDManager manager = NDManager.newBaseManager();

  @AfterEach
  void close() {
    manager.close();
  }

  private static float[] ramp(int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = i - 3.25f;
    }
    return values;
  }

  /** The header of one tensor, padded so that data begins at {@code 8k + misalignment}. */
  private static String header(String dtype, String shape, long bytes, int misalignment) {
    String entry =
        "{\"a\":{\"dtype\":\""
            + dtype
            + "\",\"shape\":["
            + shape
            + "],\"data_offsets\":[0,"
            + bytes
            + "]}}";
    return entry + " ".repeat(Math.floorMod(misalignment - entry.length(), 8));
  }

  @ParameterizedTest
  @EnumSource(Access.class)
  void arraysOutliveTheFileAndNeverChangeIt(Access access) throws IOException {
    float[] values = ramp(LARGE);
    Path path = RawFile.write(folder, header("F32", "2," + LARGE / 2, 4L * LARGE, 0), values);
    byte[] before = Files.readAllBytes(path);
    NDArray array;
    NDArray other;
    try (SafetensorsFile file = SafetensorsFile.open(path, access)) {
      array = file.read("a", manager);
      other = file.readFloat32("a", manager);
    }
    System.gc();
    assertThat(array.getShape()).isEqualTo(new Shape(2, LARGE / 2));
    assertThat(array.toFloatArray()).isEqualTo(values);
    array.muli(2);
    assertThat(array.getFloat(1, 7)).isEqualTo(2 * values[LARGE / 2 + 7]);
    assertThat(other.toFloatArray()).as("two reads are two arrays").isEqualTo(values);
    assertThat(Files.readAllBytes(path)).isEqualTo(before);
    assertThat(manager.getManagedArrays()).hasSize(2);
  }

  @Test
  void aFileMayBeReplacedWhileItsArraysLive() throws IOException {
    Path path = folder.resolve("weights.safetensors");
    NDArray first = manager.create(ramp(LARGE));
    SafetensorsWriter.write(path, Map.of("a", first), Map.of());
    NDArray read;
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      read = file.read("a", manager);
    }
    SafetensorsWriter.write(path, Map.of("a", first.neg()), Map.of());
    assertThat(read.toFloatArray()).isEqualTo(ramp(LARGE));
    Files.delete(path);
    assertThat(read.toFloatArray()).isEqualTo(ramp(LARGE));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
  void tensorsMayLieAnywhere(int misalignment) throws IOException {
    for (int length : new int[] {3, LARGE}) {
      float[] values = ramp(length);
      String header = header("F32", "" + length, 4L * length, misalignment);
      Path path = RawFile.write(folder, header, values);
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        assertThat(file.read("a", manager).toFloatArray()).isEqualTo(values);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"F16, 2", "BF16, 2", "F64, 8", "I16, 2", "U8, 1", "I64, 8"})
  void longTensorsAreWidenedInPieces(Dtype dtype, int width) throws IOException {
    int length = 2_500_001; // more than two pieces
    SplittableRandom random = new SplittableRandom(length);
    ByteBuffer bytes = ByteBuffer.allocate(length * width).order(ByteOrder.LITTLE_ENDIAN);
    float[] expected = new float[length];
    for (int i = 0; i < length; i++) {
      int small = random.nextInt(0, 120);
      expected[i] = small;
      switch (dtype) {
        case F16 -> bytes.putShort(NarrowFloats.toFloat16(small));
        case BF16 -> bytes.putShort(NarrowFloats.toBfloat16(small));
        case F64 -> bytes.putDouble(small);
        case I16 -> bytes.putShort((short) small);
        case U8 -> bytes.put((byte) small);
        default -> bytes.putLong(small);
      }
    }
    String header = header(dtype.name(), length + ",1", bytes.capacity(), 0);
    Path path = RawFile.write(folder, header, bytes.array());
    for (Access access : Access.values()) {
      try (SafetensorsFile file = SafetensorsFile.open(path, access)) {
        try (NDArray floats = file.readFloat32("a", manager)) {
          assertThat(floats.getShape()).isEqualTo(new Shape(length, 1));
          assertThat(floats.getDataType()).isEqualTo(DataType.FLOAT32);
          assertThat(Arrays.equals(floats.toFloatArray(), expected)).isTrue();
        }
        if (dtype.arrayType().isPresent()) {
          try (NDArray array = file.read("a", manager)) {
            byte[] content = new byte[bytes.capacity()];
            array.toByteBuffer().get(content);
            assertThat(Arrays.equals(content, bytes.array())).isTrue();
          }
        }
      }
    }
    assertThat(manager.getManagedArrays()).isEmpty();
  }

  @Test
  void offsetsBeyondTwoGigabytesWork() throws IOException {
    long big = (1L << 31) + 12;
    String header =
        "{\"big\":{\"dtype\":\"U8\",\"shape\":["
            + big
            + "],\"data_offsets\":[0,"
            + big
            + "]},\"end\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":["
            + big
            + ","
            + (big + 8)
            + "]}}";
    byte[] tail = {7, 0, 0, (byte) 0x80, 0x3f, 0, 0, 0, (byte) 0xc0}; // 7 | 1.0f, -2.0f
    Path path = RawFile.writeSparse(folder, header, big + 8, tail);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.read("end", manager).toFloatArray()).containsExactly(1, -2);
      assertThat(file.tensor("big").elementCount()).isEqualTo(big);
      ByteBuffer last = ByteBuffer.allocate(2);
      file.readBytes("big", big - 2, last);
      assertThat(last.array()).containsExactly(0, 7);
      assertThatThrownBy(() -> file.readBytes("big", big - 1, ByteBuffer.allocate(2)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("position")
          .hasMessageContaining(Long.toString(big));
    }
  }

  @Test
  void rangesBeyondTwoGigabytesMap() throws IOException {
    long big = 1L << 32;
    int length = LARGE;
    String header =
        "{\"big\":{\"dtype\":\"F32\",\"shape\":[32768,32768],\"data_offsets\":[0,"
            + big
            + "]},\"end\":{\"dtype\":\"F32\",\"shape\":["
            + length
            + "],\"data_offsets\":["
            + big
            + ","
            + (big + 4L * length)
            + "]}}";
    Path path = RawFile.writeSparse(folder, header, big + 4L * length, new byte[] {0, 0, 64, 64});
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      float[] expected = new float[length];
      expected[length - 1] = 3;
      assertThat(file.read("end", manager).toFloatArray()).isEqualTo(expected);
    }
  }

  @Test
  void booleansBecomeZeroOrOne() throws IOException {
    Path path = RawFile.write(folder, header("BOOL", "4", 4, 0), new byte[] {0, 1, 2, -1});
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.read("a", manager).toBooleanArray()).containsExactly(false, true, true, true);
      assertThat(file.read("a", manager).toByteBuffer())
          .isEqualTo(ByteBuffer.wrap(new byte[] {0, 1, 1, 1}));
      assertThat(file.readFloat32("a", manager).toFloatArray()).containsExactly(0, 1, 1, 1);
    }
  }

  @Test
  void formatsThatArraysCannotHoldAreNamed() throws IOException {
    Path bf16 = RawFile.write(folder, header("BF16", "1", 2, 0), new byte[2]);
    Path c64 = RawFile.write(folder, header("C64", "1", 8, 0), new byte[8]);
    try (SafetensorsFile file = SafetensorsFile.open(bf16)) {
      assertThatThrownBy(() -> file.read("a", manager))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContainingAll("'a'", bf16.toString(), "BF16", "readFloat32");
    }
    try (SafetensorsFile file = SafetensorsFile.open(c64)) {
      assertThatThrownBy(() -> file.readFloat32("a", manager))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContainingAll("'a'", c64.toString(), "C64", "readBytes");
    }
  }

  @Test
  void wrongCallsAreTold() throws IOException {
    Path path = RawFile.write(folder, header("F32", "1", 4, 0), 1f);
    SafetensorsFile file = SafetensorsFile.open(path);
    assertThatThrownBy(() -> file.read("b", manager))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("name", path.toString(), "b");
    file.close();
    file.close();
    assertThatThrownBy(() -> file.read("a", manager))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(path.toString());
    assertThatThrownBy(() -> SafetensorsFile.open(folder))
        .isInstanceOf(FileSystemException.class)
        .hasMessageContainingAll(folder.toString(), "folder");
    Path missing = folder.resolve("missing.safetensors");
    assertThatThrownBy(() -> SafetensorsFile.open(missing))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining(missing.toString());
  }

  @Test
  void readOnlyFilesAreRead() throws IOException {
    Path path = RawFile.write(folder, header("F32", "" + LARGE, 4L * LARGE, 0), ramp(LARGE));
    assertThat(path.toFile().setReadOnly()).isTrue();
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      NDArray array = file.read("a", manager);
      array.addi(1);
      assertThat(array.getFloat(0)).isEqualTo(ramp(1)[0] + 1);
    } finally {
      assertThat(path.toFile().setWritable(true)).isTrue();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "504b0304000008080000000000000000, zip archive",
    "80028a0a6cfc9c46f9206aa85019 2e, before version 1.6",
    "80027d71005805000000, Python pickle",
    "80059500000000000000, Python pickle",
    "8003, Python pickle",
  })
  void picklesAreNamedAndRefused(String hex, String kind) throws IOException {
    Path path = folder.resolve("delta.bin");
    Files.write(path, HexFormat.of().parseHex(hex.replace(" ", "")));
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOfSatisfying(
            MalformedSafetensorsException.class,
            e -> assertThat(e.rule()).isEqualTo(Rule.NOT_SAFETENSORS))
        .hasMessageContainingAll(path.toString(), kind, "from safetensors.torch import save_file");
  }

  @Test
  void pointersOfGitLfsAreNamed() throws IOException {
    Path path = folder.resolve("model.safetensors");
    Files.writeString(path, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
    assertThatThrownBy(() -> SafetensorsFile.open(path)).hasMessageContaining("git lfs pull");
  }

  /** A header of 0x0280 bytes begins like a pickle. */
  @Test
  void aSoundHeaderIsNoPickle() throws IOException {
    Path good = RawFile.write(folder, "{}" + " ".repeat(0x0280 - 2), new byte[0]);
    SafetensorsFile.open(good).close();
    Path bad = RawFile.write(folder, "{" + " ".repeat(0x0280 - 1), new byte[0]);
    assertThatThrownBy(() -> SafetensorsFile.open(bad))
        .isInstanceOfSatisfying(
            MalformedSafetensorsException.class,
            e -> assertThat(e.rule()).isEqualTo(Rule.HEADER_JSON));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"a\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,0]}}|MISALIGNED",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-0],\"data_offsets\":[0,0]}}|SHAPE",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,0]}}|SHAPE",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,18446744073709551615]}}|SIZE",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,1e3]}}|OFFSETS",
        "{\"a\":{\"dtype\":\"f32\",\"shape\":[0],\"data_offsets\":[0,0]}}|DTYPE",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[00],\"data_offsets\":[0,0]}}|HEADER_JSON",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":0,\"data_offsets\":[0,0]}}|SHAPE",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0]}}|OFFSETS",
        "{\"a\":[\"F32\",[0],[0,0]]}|FIELDS",
        "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,0]}}|FIELDS",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0],\"x\":1,\"x\":2}}"
            + "|DUPLICATE_KEY",
        "{\"__metadata__\":{\"k\":\"1\",\"\\u006b\":\"2\"}}|DUPLICATE_KEY",
        "{\"__metadata__\":{\"k\":1}}|METADATA",
        "{\"__metadata__\":\"k\"}|METADATA",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}|COVERAGE",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,0]}}|COVERAGE",
        "{}x|HEADER_JSON",
        "{} {}|HEADER_JSON",
        "|HEADER_JSON",
      })
  void brokenRulesAreNamed(String header, Rule rule) throws IOException {
    Path path = RawFile.write(folder, header == null ? "" : header, new byte[0]);
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOfSatisfying(
            MalformedSafetensorsException.class, e -> assertThat(e.rule()).isEqualTo(rule))
        .hasMessageContaining(path.toString());
  }

  @Test
  void nullMetadataAndUnknownFieldsAreAccepted() throws IOException {
    Path path =
        RawFile.write(
            folder,
            "{\"__metadata__\":null,\"a\":{\"x\":{\"y\":[1,{}]},\"dtype\":\"U8\",\"shape\":[],"
                + "\"data_offsets\":[0,1]}}",
            new byte[] {9});
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.metadata()).isEmpty();
      assertThat(file.read("a", manager).getShape()).isEqualTo(new Shape());
    }
  }

  static IntStream seeds() {
    return IntStream.range(0, 40);
  }

  /** Whatever is damaged, a file is either read or refused with the one exception for it. */
  @ParameterizedTest
  @MethodSource("seeds")
  void damagedFilesAreReadOrRefused(int seed) throws IOException {
    Path path = folder.resolve("damaged.safetensors");
    SafetensorsWriter.write(
        path,
        Map.of("a", manager.create(ramp(12)), "b\u00e9\"", manager.create(new long[] {1, 2})),
        Map.of("key", "value"));
    byte[] sound = Files.readAllBytes(path);
    byte[] syntax = "{}[]\",:0129-eE.\\u \t\0\u00ff".getBytes(StandardCharsets.ISO_8859_1);
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 50; round++) {
      byte[] damaged = sound.clone();
      for (int i = random.nextInt(1, 4); i > 0; i--) {
        damaged[random.nextInt(damaged.length)] = syntax[random.nextInt(syntax.length)];
      }
      if (random.nextInt(5) == 0) {
        damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length + 20));
      }
      Files.write(path, damaged);
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        for (String name : file.tensors().keySet()) {
          file.readBytes(name, 0, ByteBuffer.allocate((int) file.tensor(name).byteSize()));
        }
      } catch (MalformedSafetensorsException e) {
        assertThat(e).hasMessageContaining(path.toString());
      }
    }
  }

  @Test
  void refusesAFileThatIsCutOrWrittenToWhileItIsOpen() throws IOException {
    String header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    for (boolean cut : new boolean[] {true, false}) {
      Path path = RawFile.write(folder, header, 1f, 2f);
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        byte[] bytes = Files.readAllBytes(path);
        Files.write(path, Arrays.copyOf(bytes, bytes.length - (cut ? 4 : 0)));
        Files.setLastModifiedTime(path, FileTime.fromMillis(0));
        assertThatThrownBy(() -> file.read("x", manager))
            .isInstanceOf(IOException.class)
            .hasMessage(path + ": must not change while it is open, but was cut or written to");
      }
    }
  }

  @Test
  void readsTheOldFileWhenAnotherIsMovedIntoItsPlace() throws IOException {
    String header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    Path path = RawFile.write(folder, header, 1f, 2f);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      Files.move(RawFile.write(folder, header, 3f, 4f), path, StandardCopyOption.REPLACE_EXISTING);
      assertThat(file.read("x", manager).toFloatArray()).containsExactly(1, 2);
    }
  }
}
