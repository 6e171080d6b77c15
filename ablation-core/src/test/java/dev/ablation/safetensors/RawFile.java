package dev.ablation.safetensors;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes files byte by byte, so that tests of the reader do not rest on the writer. */
final class RawFile {

  private RawFile() {}

  static Path write(Path folder, String header, byte[] data) throws IOException {
    return Files.write(Files.createTempFile(folder, "raw", ".safetensors"), bytes(header, data));
  }

  static byte[] bytes(String header, byte[] data) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    return bytes.putLong(text.length).put(text).put(data).array();
  }

  static Path write(Path folder, String header, float... data) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(4 * data.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(data);
    return write(folder, header, bytes.array());
  }

  /** Writes a file with holes; the data is zero but for {@code tail} at its end. */
  static Path writeSparse(Path folder, String header, long dataSize, byte[] tail)
      throws IOException {
    Path path = write(folder, header, new byte[0]);
    long size = Files.size(path) + dataSize;
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(size);
      file.seek(size - tail.length);
      file.write(tail);
    }
    return path;
  }
}
