package dev.ablation.djl.internal.torchfile;

import ai.djl.ndarray.NDArray;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes files as torch.save does, for tests. */
public final class Pickles {
  private Pickles() {}

  /** Writes a dictionary of float32 tensors. */
  public static void write(Path file, Map<String, NDArray> tensors) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      ByteArrayOutputStream pickle = new ByteArrayOutputStream();
      pickle.writeBytes(new byte[] {(byte) 0x80, 2, '}'});
      int key = 0;
      for (Map.Entry<String, NDArray> tensor : tensors.entrySet()) {
        text(pickle, tensor.getKey());
        tensor(pickle, key, tensor.getValue().getShape().getShape());
        pickle.write('s');
        float[] values = tensor.getValue().toFloatArray();
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
          bytes.putFloat(value);
        }
        put(zip, "archive/data/" + key++, bytes.array());
      }
      pickle.write('.');
      put(zip, "archive/data.pkl", pickle.toByteArray());
      put(zip, "archive/version", new byte[] {'3', '\n'});
    }
  }

  private static void tensor(ByteArrayOutputStream pickle, int key, long[] shape) {
    pickle.writeBytes("ctorch._utils\n_rebuild_tensor_v2\n((".getBytes(StandardCharsets.UTF_8));
    text(pickle, "storage");
    pickle.writeBytes("ctorch\nFloatStorage\n".getBytes(StandardCharsets.UTF_8));
    text(pickle, Integer.toString(key));
    text(pickle, "cuda:0");
    long elements = 1;
    for (long size : shape) {
      elements *= size;
    }
    number(pickle, elements);
    pickle.writeBytes(new byte[] {'t', 'Q', 'K', 0, '('});
    for (long size : shape) {
      number(pickle, size);
    }
    pickle.writeBytes(new byte[] {'t', '('});
    long stride = elements;
    for (long size : shape) {
      stride /= size;
      number(pickle, stride);
    }
    pickle.writeBytes(new byte[] {'t', (byte) 0x89});
    pickle.writeBytes("ccollections\nOrderedDict\n)RtR".getBytes(StandardCharsets.UTF_8));
  }

  private static void text(ByteArrayOutputStream pickle, String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    pickle.write('X');
    pickle.writeBytes(
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(utf8.length).array());
    pickle.writeBytes(utf8);
  }

  private static void number(ByteArrayOutputStream pickle, long value) {
    pickle.write('J');
    pickle.writeBytes(
        ByteBuffer.allocate(4)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(Math.toIntExact(value))
            .array());
  }

  private static void put(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    CRC32 sum = new CRC32();
    sum.update(bytes);
    entry.setCrc(sum.getValue());
    entry.setSize(bytes.length);
    zip.putNextEntry(entry);
    zip.write(bytes);
  }
}
