package dev.ablation.safetensors;

import com.google.common.hash.Hasher;
import com.google.common.hash.Hashing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** SHA-256 of tensors, with format and shape, and of the strings of a header. */
public final class Checksums {
  private Checksums() {}

  /**
   * Computes the checksum of a tensor.
   *
   * @param source delivers its bytes
   * @return 64 hexadecimal digits that depend on format, shape and values
   * @throws IOException if the bytes cannot be read
   */
  public static String of(TensorSource source) throws IOException {
    Hasher hasher = Hashing.sha256().newHasher();
    hasher.putString(source.dtype() + " " + source.shape() + "\n", StandardCharsets.UTF_8);
    source.writeTo(
        new WritableByteChannel() {
          @Override
          public int write(ByteBuffer bytes) {
            int count = bytes.remaining();
            hasher.putBytes(bytes);
            return count;
          }

          @Override
          public boolean isOpen() {
            return true;
          }

          @Override
          public void close() {
            // There is nothing to close.
          }
        });
    return hasher.hash().toString();
  }

  /**
   * Computes the checksum of header strings, whatever their order.
   *
   * @param metadata key to value
   * @return 64 hexadecimal digits
   */
  public static String of(Map<String, String> metadata) {
    Hasher hasher = Hashing.sha256().newHasher();
    new TreeMap<>(metadata)
        .forEach((key, value) -> {
          for (String text : new String[] {key, value}) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            hasher.putInt(bytes.length).putBytes(bytes);
          }
        });
    return hasher.hash().toString();
  }
}
