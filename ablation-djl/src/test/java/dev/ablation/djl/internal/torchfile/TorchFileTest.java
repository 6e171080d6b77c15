package dev.ablation.djl.internal.torchfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.ablation.safetensors.Dtype;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TorchFileTest {
  private static final Path DELTA =
      Path.of(System.getProperty("ablation.golden"), "formats", "delta");
  private static final int STORED_NUMBERS = 4;

  @TempDir Path folder;

  /** A pickle, instruction by instruction. */
  private static final class Pickle {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Pickle() {
      op(0x80, 2);
    }

    Pickle op(int... code) {
      for (int each : code) {
        bytes.write(each);
      }
      return this;
    }

    Pickle text(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      return op('X').number(utf8.length).raw(utf8);
    }

    Pickle number(int value) {
      return raw(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }

    Pickle global(String module, String name) {
      return raw(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
    }

    Pickle raw(byte[] more) {
      bytes.writeBytes(more);
      return this;
    }

    Pickle storage() {
      return op('(')
          .text("storage")
          .global("torch", "FloatStorage")
          .text("0")
          .text("cpu")
          .op('K', STORED_NUMBERS, 't', 'Q');
    }

    /** A tensor of one axis. */
    Pickle tensor(int offset, int size, int stride) {
      return global("torch._utils", "_rebuild_tensor_v2")
          .op('(')
          .storage()
          .op('K', offset, 'J')
          .number(size)
          .op(0x85, 'J')
          .number(stride)
          .op(0x85, 0x89)
          .global("collections", "OrderedDict")
          .op(')', 'R', 't', 'R');
    }

    byte[] end() {
      op('.');
      return bytes.toByteArray();
    }
  }

  private Path file(byte[] pickle) throws IOException {
    return file(pickle, "archive/", ZipEntry.STORED);
  }

  private Path file(byte[] pickle, String root, int method) throws IOException {
    Path file = folder.resolve("file.bin");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      put(zip, root + "data.pkl", pickle, method);
      ByteBuffer floats = ByteBuffer.allocate(4 * STORED_NUMBERS).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < STORED_NUMBERS; i++) {
        floats.putFloat(i);
      }
      put(zip, "archive/data/0", floats.array(), method);
    }
    return file;
  }

  private static void put(ZipOutputStream zip, String name, byte[] bytes, int method)
      throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(method);
    if (method == ZipEntry.STORED) {
      CRC32 sum = new CRC32();
      sum.update(bytes);
      entry.setCrc(sum.getValue());
      entry.setSize(bytes.length);
    }
    zip.putNextEntry(entry);
    zip.write(bytes);
  }

  private void refused(Pickle pickle, String... said) throws IOException {
    Path file = file(pickle.end());
    assertThatIOException()
        .isThrownBy(() -> {
          try (TorchFile torch = TorchFile.open(file)) {
            torch.tensors(".");
          } catch (PickleException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
          }
        })
        .withMessageStartingWith(file + ": ")
        .withMessageContainingAll(said);
  }

  @Test
  void readsAViewOfAStorage() throws IOException {
    byte[] pickle = new Pickle().op('}').text("a").tensor(1, 2, 2).op('s').end();
    try (TorchFile torch = TorchFile.open(file(pickle))) {
      TorchTensor tensor = torch.tensors(".").get("a");
      assertThat(tensor.dtype()).isEqualTo(Dtype.F32);
      ByteBuffer bytes = ByteBuffer.wrap(tensor.bytes()).order(ByteOrder.LITTLE_ENDIAN);
      assertThat(List.of(bytes.getFloat(), bytes.getFloat())).containsExactly(1f, 3f);
    }
  }

  // Hostile files

  @ParameterizedTest
  @ValueSource(
      strings = {
        "os system",
        "posix system",
        "nt system",
        "builtins eval",
        "__builtin__ exec",
        "subprocess Popen",
        "torch.hub load",
        "torch load",
        "torch._utils _rebuild_sparse_tensor",
        "collections deque",
        "numpy.core.multiarray scalar",
        "java.lang.Runtime getRuntime",
        "pytorch_lightning.callbacks.model_checkpoint ModelCheckpoint"
      })
  void refusesEveryOtherNameInEitherSpelling(String name) throws IOException {
    String[] parts = name.split(" ");
    String shown = "'" + parts[0] + "." + parts[1] + "'";
    refused(
        new Pickle().global(parts[0], parts[1]).text("echo").op(0x85, 'R'),
        shown,
        "nothing of it was run");
    refused(new Pickle().text(parts[0]).text(parts[1]).op(0x93, ')', 'R'), shown);
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        'i', 'o', 0x82, 0x83, 0x84, 'P', 'I', 'L', 'F', 'S', 'V', 'U', 'T', 'C', 'B', 0x8d, 0x8e,
        0x8f, 0x90, 0x91, 0x92, 0x96, 0x97, 0x98, 'd', 'l', 'p', 'g', '0', '1', '2', 0xff, 0x8b
      })
  void refusesInstructionsThatTensorsDoNotNeed(int operation) throws IOException {
    refused(new Pickle().op('}', operation, 0, 0, 0, 0, 0, 0, 0, 0), "0x%02x".formatted(operation));
  }

  @Test
  void namesAreUsedForWhatTheyAre() throws IOException {
    refused(new Pickle().global("torch", "FloatStorage").op(')', 'R'), "as a function");
    refused(new Pickle().text("a").op(')', 'R'), "no function");
    refused(new Pickle().global("collections", "OrderedDict").op(')', 0x81), "ParameterDict");
    refused(new Pickle().op('}', '}', 'b'), "state");
    refused(new Pickle().global("torch._utils", "_rebuild_parameter").op(')', 'R'), "parameter");
    refused(new Pickle().op('K', 1, 'Q'), "no storage");
    refused(new Pickle().global("collections", "OrderedDict").op('K', 1, 0x85, 'R'), "pairs");
    refused(new Pickle().op('}', ']', 'K', 1, 's'), "keys");
    refused(new Pickle().op('}', 'K', 1, 'a'), "list");
  }

  @Test
  void tensorsLieInTheirStorage() throws IOException {
    refused(new Pickle().tensor(0, 5, 1), "must lie in its storage of 4 numbers");
    refused(new Pickle().tensor(3, 2, 1), "must lie in its storage");
    refused(new Pickle().tensor(0, Integer.MAX_VALUE, 0), "must lie in its storage");
    refused(new Pickle().tensor(0, 2, -1), "not negative");
    refused(new Pickle().tensor(0, -2, 1), "not negative");
  }

  @Test
  void damagedPicklesAreNamed() throws IOException {
    refused(new Pickle().op('h', 7), "recalls");
    refused(new Pickle().op('t'), "not begun");
    refused(new Pickle().op('('), "not there");
    refused(new Pickle().op('}', '}'), "left over");
    refused(new Pickle().op('X').number(-1), "cut off");
    refused(new Pickle().op(0x80, 5), "protocol 2, 3 or 4, has 5");
    refused(new Pickle().op('X').number(1).op(0xff), "UTF-8");
  }

  /** Dictionaries that share each other: 2 to the 60th values in a few hundred bytes. */
  @Test
  @Timeout(20)
  void sharedDictionariesDoNotExplode() throws IOException {
    Pickle laughs = new Pickle();
    nest(laughs, 60);
    refused(laughs, "100000 values");
    refused(new Pickle().op('}', 'q', 0).text("a").op('h', 0, 's'), "nest deeper"); // itself
    try (TorchFile torch = TorchFile.open(file(new Pickle().op(']', 'q', 0, 'h', 0, 'a').end()))) {
      assertThat(torch.tensors(".")).isEmpty();
    }
  }

  private static void nest(Pickle pickle, int level) {
    pickle.op('}', 'q', level);
    if (level > 0) {
      pickle.text("a");
      nest(pickle, level - 1);
      pickle.op('s').text("b").op('h', level - 1, 's');
    }
  }

  @Test
  @Timeout(20)
  void copiesOfCopiesAreCounted() throws IOException {
    Pickle pickle = new Pickle().op(']', 'q', 0);
    for (int i = 0; i < 10_000; i++) {
      pickle.op('K', 1, 'K', 1, 0x86, 'a');
    }
    pickle.op(']', 'q', 1);
    for (int i = 0; i < 10_000; i++) {
      pickle.global("collections", "OrderedDict").op('h', 0, 0x85, 'R', 'a');
    }
    refused(pickle, "instructions");
    refused(new Pickle().raw(new byte[5_000_000]).op('}'), "0x00");
    byte[] many = new byte[1_100_000];
    Arrays.fill(many, (byte) '}');
    refused(new Pickle().raw(many), "stack");
  }

  @Test
  void archivesAreThoseOfTorch() throws IOException {
    byte[] pickle = new Pickle().op('}').end();
    for (String root : new String[] {"other/", "", "archive/../", "archive\\"}) {
      Path file = file(pickle, root, ZipEntry.STORED);
      assertThatIOException()
          .isThrownBy(() -> TorchFile.open(file).close())
          .withMessageStartingWith(file + ": ");
    }
    Path packed = file(pickle, "archive/", ZipEntry.DEFLATED);
    assertThatIOException()
        .isThrownBy(() -> TorchFile.open(packed).close())
        .withMessageContaining("compressed");
    Path text = Files.writeString(folder.resolve("text.bin"), "delta");
    assertThatIOException()
        .isThrownBy(() -> TorchFile.open(text).close())
        .withMessageStartingWith(text + ": it is no file of torch.save");
    byte[] tar = new byte[512];
    System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, tar, 257, 5);
    Path old = Files.write(folder.resolve("old.bin"), tar);
    assertThatIOException()
        .isThrownBy(() -> TorchFile.open(old).close())
        .withMessageContaining("tar archive");
  }

  @Test
  void storagesAreComparedWithTheirChecksums() throws IOException {
    byte[] bytes =
        Files.readAllBytes(file(new Pickle().op('}').text("a").tensor(0, 4, 1).op('s').end()));
    int at = indexOf(bytes, new byte[] {0, 0, (byte) 0x80, 0x3f});
    bytes[at] ^= 1;
    Path damaged = Files.write(folder.resolve("damaged.bin"), bytes);
    try (TorchFile torch = TorchFile.open(damaged)) {
      TorchTensor tensor = torch.tensors(".").get("a");
      assertThatIOException()
          .isThrownBy(tensor::bytes)
          .withMessageContainingAll("damaged.bin", "data/0", "checksum");
    }
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; i + part.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
    return fail("not found");
  }

  // Random damage

  private static List<Path> files() throws IOException {
    try (Stream<Path> list = Files.list(DELTA)) {
      return list.filter(file -> file.toString().matches(".*\\.(bin|ckpt)")).sorted().toList();
    }
  }

  private static byte[] mutated(byte[] original, Random random) {
    byte[] bytes = original.clone();
    int changes = 1 + random.nextInt(4);
    for (int i = 0; i < changes; i++) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(5)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt();
        case 2 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
        case 3 -> {
          int length = Math.min(bytes.length - at, 1 + random.nextInt(16));
          System.arraycopy(bytes, random.nextInt(bytes.length - length + 1), bytes, at, length);
        }
        default -> {
          byte[] longer = new byte[bytes.length + 1];
          System.arraycopy(bytes, 0, longer, 0, at);
          longer[at] = (byte) random.nextInt();
          System.arraycopy(bytes, at, longer, at + 1, bytes.length - at);
          bytes = longer;
        }
      }
    }
    return bytes;
  }

  /** The pickles alone: a zip archive's checksums would hide most damage from the machine. */
  @Test
  @Timeout(60)
  void damagedPicklesAreReadOrRefused() throws IOException {
    int refused = 0;
    int read = 0;
    for (Path file : files()) {
      byte[] pickle = pickle(file);
      Random random = new Random(file.getFileName().toString().hashCode());
      for (int i = 0; i < 2000; i++) {
        byte[] bytes = mutated(pickle, random);
        try {
          new PickleReader(
                  ByteBuffer.wrap(bytes),
                  (type, key, elements) ->
                      new TorchStorage(
                          type.dtype().orElseThrow(), elements, false, () -> new byte[0]))
              .read();
          read++;
        } catch (PickleException e) {
          refused++;
          assertThat(e).hasMessageNotContaining("\0");
        }
      }
    }
    assertThat(refused).isPositive();
    assertThat(read).isPositive();
  }

  private static byte[] pickle(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    if (bytes[0] != 'P') {
      return bytes;
    }
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry entry =
          zip.stream()
              .filter(each -> each.getName().endsWith("data.pkl"))
              .findFirst()
              .orElseThrow();
      return zip.getInputStream(entry).readAllBytes();
    }
  }

  @Test
  @Timeout(60)
  void damagedFilesAreReadOrRefused() throws IOException {
    int refused = 0;
    for (Path file : files()) {
      byte[] original = Files.readAllBytes(file);
      Random random = new Random(file.getFileName().toString().hashCode());
      Path damaged = folder.resolve("damaged.bin");
      for (int i = 0; i < 100; i++) {
        Files.write(damaged, mutated(original, random));
        try (TorchFile torch = TorchFile.open(damaged)) {
          for (Map.Entry<String, TorchTensor> tensor : torch.tensors(".").entrySet()) {
            tensor.getValue().bytes();
          }
        } catch (IOException | PickleException e) {
          refused++;
        }
      }
    }
    assertThat(refused).isPositive();
  }

  @Test
  void aMissingFileIsNamed() {
    assertThatThrownBy(() -> TorchFile.open(folder.resolve("none.bin")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("none.bin");
  }
}
