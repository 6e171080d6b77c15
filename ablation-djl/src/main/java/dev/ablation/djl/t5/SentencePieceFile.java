package dev.ablation.djl.t5;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * The unigram model in a file of SentencePiece (Kudo and Richardson 2018, arXiv 1808.06226): what
 * T5 needs of the protocol buffer {@code sentencepiece.ModelProto}.
 *
 * @param pieces in the order of their ids
 * @param unknownId id of the piece for characters that no other piece has
 * @param charsMap the compiled table of character normalisation, in base 64
 */
record SentencePieceFile(List<Piece> pieces, int unknownId, String charsMap) {
  /** T5 reserves these ids, which the file does not hold, for its training. */
  private static final int EXTRA_IDS = 100;

  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int UNIGRAM = 1;

  /** Wire types of protocol buffers. */
  private static final int VARINT = 0;

  private static final int FIXED_64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED_32 = 5;

  /** The text pipeline that transformers puts around the pieces. */
  private static final String PIPELINE =
      """
      {"version": "1.0", "truncation": null, "padding": null,
       "normalizer": {"type": "Sequence", "normalizers": [
         {"type": "Precompiled"},
         {"type": "Strip", "strip_left": false, "strip_right": true},
         {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]},
       "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581",
         "prepend_scheme": "always", "split": true},
       "post_processor": null,
       "decoder": {"type": "Metaspace", "replacement": "\u2581",
         "prepend_scheme": "always", "split": true},
       "model": {"type": "Unigram", "byte_fallback": false}}
      """;

  /** A piece with its logarithm of probability. */
  record Piece(String text, float score, int type) {}

  static SentencePieceFile read(Path file) throws IOException {
    try {
      SentencePieceFile model =
          parse(ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN));
      if (model.unknownId < 0) {
        throw new IOException(file + ": not a model of SentencePiece: it has no unknown piece");
      }
      return model;
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new IOException(file + ": not a unigram model of SentencePiece: " + e.getMessage(), e);
    }
  }

  private static SentencePieceFile parse(ByteBuffer in) {
    List<Piece> pieces = new ArrayList<>();
    int unknownId = -1;
    String charsMap = "";
    while (in.hasRemaining()) {
      long key = varint(in);
      if (key == field(1, BYTES)) {
        Piece piece = piece(message(in));
        unknownId = piece.type == UNKNOWN ? pieces.size() : unknownId;
        pieces.add(piece);
      } else if (key == field(2, BYTES)) {
        checkTrainer(message(in));
      } else if (key == field(3, BYTES)) {
        charsMap = charsMap(message(in));
      } else {
        skip(in, key);
      }
    }
    return new SentencePieceFile(List.copyOf(pieces), unknownId, charsMap);
  }

  private static Piece piece(ByteBuffer in) {
    String text = "";
    float score = 0;
    int type = 1;
    while (in.hasRemaining()) {
      long key = varint(in);
      if (key == field(1, BYTES)) {
        text = StandardCharsets.UTF_8.decode(message(in)).toString();
      } else if (key == field(2, FIXED_32)) {
        score = in.getFloat();
      } else if (key == field(3, VARINT)) {
        type = (int) varint(in);
      } else {
        skip(in, key);
      }
    }
    return new Piece(text, score, type);
  }

  private static void checkTrainer(ByteBuffer in) {
    while (in.hasRemaining()) {
      long key = varint(in);
      if (key == field(3, VARINT)) {
        long type = varint(in);
        if (type != UNIGRAM) {
          throw new IllegalArgumentException("model_type must be 1, unigram, was " + type);
        }
      } else {
        skip(in, key);
      }
    }
  }

  private static String charsMap(ByteBuffer in) {
    String map = "";
    while (in.hasRemaining()) {
      long key = varint(in);
      if (key == field(2, BYTES)) {
        ByteBuffer bytes = message(in);
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        NormalizationTable.check(copy);
        map = Base64.getEncoder().encodeToString(copy);
      } else {
        skip(in, key);
      }
    }
    return map;
  }

  private static long field(int number, int wireType) {
    return (long) number << 3 | wireType;
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      byte next = in.get();
      value |= (long) (next & 0x7F) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("a number of more than 64 bits");
  }

  private static ByteBuffer message(ByteBuffer in) {
    long length = varint(in);
    if (length < 0 || length > in.remaining()) {
      throw new IllegalArgumentException("the file is cut");
    }
    ByteBuffer part = in.slice(in.position(), (int) length).order(ByteOrder.LITTLE_ENDIAN);
    in.position(in.position() + (int) length);
    return part;
  }

  private static void skip(ByteBuffer in, long key) {
    switch ((int) (key & 7)) {
      case VARINT -> varint(in);
      case FIXED_64 -> in.getLong();
      case BYTES -> message(in);
      case FIXED_32 -> in.getInt();
      default -> throw new IllegalArgumentException("it is no protocol buffer");
    }
  }

  /** The same model as {@code tokenizer.json}, with the ids that T5 reserves. */
  String toTokenizerJson() {
    JsonObject json = JsonParser.parseString(PIPELINE).getAsJsonObject();
    JsonArray vocabulary = new JsonArray();
    JsonArray added = new JsonArray();
    for (Piece piece : pieces) {
      if (piece.type == UNKNOWN || piece.type == CONTROL) {
        added.add(special(piece.text, vocabulary.size()));
      }
      vocabulary.add(entry(piece.text, piece.score));
    }
    for (int i = EXTRA_IDS - 1; i >= 0; i--) {
      String token = "<extra_id_" + i + ">";
      added.add(special(token, vocabulary.size()));
      vocabulary.add(entry(token, 0));
    }
    JsonObject model = json.getAsJsonObject("model");
    model.addProperty("unk_id", unknownId);
    model.add("vocab", vocabulary);
    json.add("added_tokens", added);
    JsonArray normalizers = json.getAsJsonObject("normalizer").getAsJsonArray("normalizers");
    if (charsMap.isEmpty()) {
      normalizers.remove(0);
    } else {
      normalizers.get(0).getAsJsonObject().addProperty("precompiled_charsmap", charsMap);
    }
    return json.toString();
  }

  private static JsonArray entry(String token, float score) {
    JsonArray entry = new JsonArray();
    entry.add(token);
    entry.add((double) score);
    return entry;
  }

  private static JsonObject special(String token, int id) {
    JsonObject special = new JsonObject();
    special.addProperty("id", id);
    special.addProperty("content", token);
    for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
      special.addProperty(flag, false);
    }
    special.addProperty("special", true);
    return special;
  }
}
