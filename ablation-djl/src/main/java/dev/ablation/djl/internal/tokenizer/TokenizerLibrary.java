package dev.ablation.djl.internal.tokenizer;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.util.Utils;
import dev.ablation.djl.internal.kernel.NetworkAccess;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Opens and calls tokenizers of the native library. */
public final class TokenizerLibrary {
  private static final String NATIVE_FLAVOR = "RUST_FLAVOR";
  private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{N}]+");
  private static final Pattern LONE_SURROGATE = Pattern.compile("\\p{Cs}");

  private TokenizerLibrary() {}

  /**
   * Opens a tokenizer that neither pads nor truncates.
   *
   * @param json content of a {@code tokenizer.json}
   * @return the tokenizer, closed by the caller
   * @throws IOException if the library cannot read it
   */
  public static synchronized HuggingFaceTokenizer open(String json) throws IOException {
    NetworkAccess.offByDefault();
    // Left to itself, DJL seeks a CUDA build on machines with a GPU, which is a download. The CPU
    // build lies in the jar. DJL looks at the property only when it loads the library.
    boolean free = Utils.getEnvOrSystemProperty(NATIVE_FLAVOR) == null;
    if (free) {
      System.setProperty(NATIVE_FLAVOR, "cpu");
    }
    try {
      return HuggingFaceTokenizer.newInstance(
          new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)),
          Map.of("padding", "false", "truncation", "false"));
    } finally {
      if (free) {
        System.clearProperty(NATIVE_FLAVOR);
      }
    }
  }

  /**
   * Splits a prompt into tokens, without special tokens around them. A lone surrogate, which UTF-8
   * cannot hold, reads as U+FFFD.
   *
   * @param tokenizer from {@link #open}
   * @param prompt any text
   * @return its tokens
   */
  public static Encoding encode(HuggingFaceTokenizer tokenizer, String prompt) {
    return tokenizer.encode(LONE_SURROGATE.matcher(prompt).replaceAll("\uFFFD"), false, false);
  }

  /**
   * Finds the words that are one token each, of letters and digits alone.
   *
   * @param tokenizer from {@link #open}
   * @param size number of its tokens
   * @return the words as they are typed, by the number of their token
   */
  public static List<String> words(HuggingFaceTokenizer tokenizer, int size) {
    List<String> words = new ArrayList<>();
    for (int id = 0; id < size; id++) {
      String text = tokenizer.decode(new long[] {id}, true).replace("</w>", "").strip();
      if (WORD.matcher(text).matches()) {
        // Pieces within a word have the same text, but it is read as the whole word.
        long[] ids = encode(tokenizer, text).getIds();
        if (ids.length == 1 && ids[0] == id) {
          words.add(text);
        }
      }
    }
    return List.copyOf(words);
  }

  /**
   * Returns the end of a prompt whose first tokens alone are kept, as it was written.
   *
   * @param prompt any text
   * @param encoding of the prompt
   * @param kept number of tokens
   * @return the text from the first token that is cut; empty if all are kept
   */
  public static String cut(String prompt, Encoding encoding, int kept) {
    if (kept >= encoding.getIds().length) {
      return "";
    }
    // The library counts code points.
    int start = encoding.getCharTokenSpans()[kept].getStart();
    return prompt.substring(prompt.offsetByCodePoints(0, start));
  }
}
