package dev.ablation.djl.t5;

import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ProtocolBuffer;
import dev.ablation.fuzz.ReaderFuzz;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** Tokenizers of T5 in both forms. */
class T5TokenizerFuzzTest extends ReaderFuzz {
  private static final List<String> PIECES =
      List.of("<pad>", "</s>", "<unk>", "\u2581", "a", "b", "ab", "\u2581ab", "é");

  /** A table of normalization with one node, without rules. */
  private static final byte[] CHARS_MAP = charsMap();

  /** "a" becomes "b": unit 97 has the label a, and unit 256 is its leaf. */
  private static byte[] charsMap() {
    int units = 512;
    ByteBuffer map = ByteBuffer.allocate(4 + 4 * units + 2).order(ByteOrder.LITTLE_ENDIAN);
    map.putInt(4 * units);
    map.putInt(4 + 4 * 97, 'a' | 1 << 8 | (97 ^ 256) << 10);
    map.putInt(4 + 4 * 256, 0);
    map.put(4 + 4 * units, (byte) 'b');
    return map.array();
  }

  private final Mutator json = new Json();
  private final Mutator buffer = new ProtocolBuffer();

  @Override
  protected Mutator mutator() {
    return (content, random) ->
        (content.length > 0 && content[0] == '{' ? json : buffer).mutate(content, random);
  }

  @Override
  protected Map<String, List<byte[]>> seeds() {
    return Map.of(
        "json/tokenizer.json",
        List.of(
            tokenizer("").getBytes(StandardCharsets.UTF_8),
            tokenizer(
                    "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\""
                        + Base64.getEncoder().encodeToString(CHARS_MAP)
                        + "\"},")
                .getBytes(StandardCharsets.UTF_8)),
        "pieces/spiece.model",
        List.of(pieces(false), pieces(true)));
  }

  private static String tokenizer(String first) {
    StringBuilder vocabulary = new StringBuilder();
    for (String piece : PIECES) {
      vocabulary
          .append(",[\"")
          .append(piece)
          .append("\",")
          .append(-vocabulary.length())
          .append(']');
    }
    return """
    {"version":"1.0","truncation":null,"padding":null,
     "added_tokens":[{"id":0,"content":"<pad>","single_word":false,"lstrip":false,
       "rstrip":false,"normalized":false,"special":true},
      {"id":1,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,
       "normalized":false,"special":true}],
     "normalizer":{"type":"Sequence","normalizers":[%s
       {"type":"Strip","strip_left":false,"strip_right":true},
       {"type":"Replace","pattern":{"Regex":" {2,}"},"content":"\u2581"}]},
     "pre_tokenizer":{"type":"Metaspace","replacement":"\u2581","prepend_scheme":"always",
       "split":true},
     "post_processor":null,
     "decoder":{"type":"Metaspace","replacement":"\u2581","prepend_scheme":"always",
       "split":true},
     "model":{"type":"Unigram","unk_id":2,"vocab":[%s],"byte_fallback":false}}
    """
        .formatted(first, vocabulary.substring(1));
  }

  static byte[] pieces(boolean normalizes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int id = 0; id < PIECES.size(); id++) {
      ByteArrayOutputStream piece = new ByteArrayOutputStream();
      ProtocolBuffer.write(piece, 0x0a, PIECES.get(id).getBytes(StandardCharsets.UTF_8));
      piece.write(0x15);
      piece.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(-id).array());
      if (id < 3) {
        piece.write(0x18);
        piece.write(id == 2 ? 2 : 3);
      }
      ProtocolBuffer.write(out, 0x0a, piece.toByteArray());
    }
    ProtocolBuffer.write(out, 0x12, new byte[] {0x18, 1});
    if (normalizes) {
      ByteArrayOutputStream map = new ByteArrayOutputStream();
      ProtocolBuffer.write(map, 0x12, CHARS_MAP);
      ProtocolBuffer.write(out, 0x1a, map.toByteArray());
    }
    return out.toByteArray();
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    try (T5Tokenizer tokenizer = T5Tokenizer.load(folder.resolve(folderOf(damaged)), 8)) {
      tokenizer.encode("ab a é  \u0000 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
    }
  }
}
