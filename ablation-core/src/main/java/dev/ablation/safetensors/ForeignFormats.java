package dev.ablation.safetensors;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Recognises, by their first bytes, the files that people take for safetensors. */
final class ForeignFormats {

  /** How to get from a pickle to a file that can be read here. */
  static final String HOW_TO_CONVERT =
      "Pickles can run any program when they are opened and are never read here. Convert it in"
          + " Python, if you trust its source: import torch; from safetensors.torch import"
          + " save_file; save_file(torch.load('FILE', weights_only=True), 'model.safetensors',"
          + " metadata={'format': 'pt'}) - or save the whole model again with"
          + " save_pretrained(folder, safe_serialization=True)";

  // protocol 2, LONG1 of 10 bytes, 0x1950a86a20f9469cfc6c: torch.save before version 1.6
  private static final byte[] LEGACY_TORCH = {
    (byte) 0x80,
    2,
    (byte) 0x8a,
    10,
    0x6c,
    (byte) 0xfc,
    (byte) 0x9c,
    0x46,
    (byte) 0xf9,
    0x20,
    0x6a,
    (byte) 0xa8,
    0x50,
    0x19
  };

  private ForeignFormats() {}

  /**
   * Identifies the format of a file.
   *
   * @param start its first bytes, 32 if it has as many
   * @return the format and what to do about it, or {@code null} if it is not recognised
   */
  static @Nullable String recognise(byte[] start) {
    if (startsWith(start, LEGACY_TORCH)) {
      return "it is a Python pickle as torch.save wrote it before version 1.6. " + HOW_TO_CONVERT;
    }
    if (startsWith(start, 'P', 'K', 3, 4)) {
      return "it is a zip archive, most likely a Python pickle written by torch.save. "
          + HOW_TO_CONVERT;
    }
    if (start.length >= 2 && (start[0] & 0xff) == 0x80 && start[1] >= 2 && start[1] <= 5) {
      return "it is a Python pickle. " + HOW_TO_CONVERT;
    }
    if (startsWith(start, "version https://git-lfs".getBytes(StandardCharsets.US_ASCII))) {
      return "it is a Git LFS pointer, a placeholder for the file; fetch the file itself with"
          + " 'git lfs pull'";
    }
    if (startsWith(start, 'G', 'G', 'U', 'F')) {
      return "it is a GGUF file";
    }
    if (startsWith(start, 0x89, 'H', 'D', 'F')) {
      return "it is an HDF5 file, perhaps of Keras";
    }
    return null;
  }

  private static boolean startsWith(byte[] bytes, int... magic) {
    byte[] expected = new byte[magic.length];
    for (int i = 0; i < magic.length; i++) {
      expected[i] = (byte) magic[i];
    }
    return startsWith(bytes, expected);
  }

  private static boolean startsWith(byte[] bytes, byte[] magic) {
    return bytes.length >= magic.length
        && Arrays.equals(bytes, 0, magic.length, magic, 0, magic.length);
  }
}
