package dev.ablation.djl.internal.kernel;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes a TorchScript module without weights as the archive that PyTorch loads. Its two pickles
 * are constant bytes: a bare object of the module's class and an empty tuple of constants.
 */
final class TorchScriptArchive {
  private static final String CLASS_NAME = "Kernel";

  /** Operator versions; below 10 {@code gelu} lacks its {@code approximate} argument. */
  private static final String VERSION = "10\n";

  private TorchScriptArchive() {}

  /**
   * Returns the archive of a module with one method.
   *
   * @param function parameters and body of {@code forward}: {@code "(x): return torch.silu(x)"}
   */
  static byte[] of(String function) {
    int open = function.indexOf('(');
    String code =
        "class "
            + CLASS_NAME
            + "(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n"
            + "  def forward(self, "
            + function.substring(open + 1)
            + "\n";
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      entry(zip, "data.pkl", moduleObject());
      entry(zip, "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
      entry(zip, "code/__torch__.py", code.getBytes(UTF_8));
      entry(zip, "version", VERSION.getBytes(US_ASCII));
      entry(zip, "byteorder", "little".getBytes(US_ASCII));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a byte array does not fail
    }
    return bytes.toByteArray();
  }

  /** PROTO 2, GLOBAL class, EMPTY_TUPLE, NEWOBJ, {"training": False}, BUILD, STOP. */
  private static byte[] moduleObject() {
    byte[] global = ("c__torch__\n" + CLASS_NAME + "\n").getBytes(US_ASCII);
    byte[] key = "training".getBytes(US_ASCII);
    ByteBuffer pickle =
        ByteBuffer.allocate(2 + global.length + 4 + 4 + key.length + 4)
            .order(ByteOrder.LITTLE_ENDIAN);
    pickle.put((byte) 0x80).put((byte) 2).put(global);
    pickle.put((byte) ')').put((byte) 0x81).put((byte) '}');
    pickle.put((byte) 'X').putInt(key.length).put(key);
    pickle.put((byte) 0x89).put((byte) 's').put((byte) 'b').put((byte) '.');
    return pickle.array();
  }

  private static void entry(ZipOutputStream zip, String name, byte[] content) throws IOException {
    ZipEntry entry = new ZipEntry("kernel/" + name);
    entry.setTime(0);
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }
}
