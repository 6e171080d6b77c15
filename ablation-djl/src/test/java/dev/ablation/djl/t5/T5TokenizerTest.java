package dev.ablation.djl.t5;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.FlowGolden;
import dev.ablation.model.PromptTokenizer.Tokens;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class T5TokenizerTest {
  private static final String PROMPT =
      "A painting of Sunflowers, in the style of van gogh \uD83D\uDE00!";

  @TempDir private Path folder;

  private static Path real() {
    return FlowGolden.path("t5tok/real");
  }

  @Test
  void whatDoesNotFitIsToldAsItWasWritten() throws IOException {
    try (T5Tokenizer all = T5Tokenizer.load(real(), 512)) {
      List<Integer> ids = all.ids(PROMPT);
      assertThat(all.tokens(PROMPT)).isEqualTo(new Tokens(ids, ""));
      assertThat(all.cut(PROMPT)).isEmpty();
      for (int length = 1; length <= ids.size() + 1; length++) {
        try (T5Tokenizer few = T5Tokenizer.load(real(), length)) {
          Tokens tokens = few.tokens(PROMPT);
          assertThat(tokens.ids()).isEqualTo(ids.subList(0, length - 1));
          assertThat(PROMPT).endsWith(tokens.cut());
          assertThat(tokens.truncated()).isEqualTo(length <= ids.size());
          assertThat(few.encode(PROMPT)[length - 1]).isEqualTo(few.endId());
        }
      }
    }
  }

  @Test
  void upperAndLowerCaseDiffer() throws IOException {
    try (T5Tokenizer tokenizer = T5Tokenizer.load(real(), 77)) {
      assertThat(tokenizer.ids("Van Gogh")).isNotEqualTo(tokenizer.ids("van gogh"));
      assertThat(tokenizer.contextLength()).isEqualTo(77);
      assertThat(tokenizer.ids("\uD83D")).isEqualTo(tokenizer.ids("\uFFFD"));
      assertThat(tokenizer.encode("a", 3)).hasSize(3).endsWith(tokenizer.endId());
      assertThat(tokenizer.encode("", 3))
          .containsExactly(tokenizer.endId(), tokenizer.padId(), tokenizer.padId());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -3})
  void refusesAContextWithoutRoomForTheEnd(int length) throws IOException {
    assertThatThrownBy(() -> T5Tokenizer.load(real(), length))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("contextLength must be at least 1, was " + length);
    try (T5Tokenizer tokenizer = T5Tokenizer.load(real(), 77)) {
      assertThatThrownBy(() -> tokenizer.encode("a", length))
          .hasMessage("length must be at least 1, was " + length);
    }
  }

  @Test
  void refusesFoldersWithoutATokenizer() {
    assertThatThrownBy(() -> T5Tokenizer.load(folder.resolve("absent"), 77))
        .isInstanceOf(NotDirectoryException.class);
    assertThatThrownBy(() -> T5Tokenizer.load(folder, 77))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContainingAll("tokenizer.json", "spiece.model");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}",
        "{}",
        "[1]",
        "{",
        "",
        "{\"model\": {\"type\": \"Unigram\"}}",
        "{\"model\": {\"type\": \"Unigram\", \"vocab\": [1]}}",
        "{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"<pad>\", 0]]}}",
        "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"<pad>\", 0]]}}"
      })
  void refusesOtherTokenizers(String json) throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), json);
    assertThatThrownBy(() -> T5Tokenizer.load(folder, 77))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll("tokenizer.json", "not a");
  }

  /** Else the first prompt with an unknown character would be refused, in the middle of a run. */
  @ParameterizedTest
  @ValueSource(strings = {"", "\"unk_id\": null, ", "\"byte_fallback\": true, "})
  void refusesAVocabularyWithoutAnUnknownToken(String unknown) throws IOException {
    Path file = folder.resolve("tokenizer.json");
    Files.writeString(
        file,
        "{\"model\": {\"type\": \"Unigram\", %s\"vocab\": [[\"<pad>\", 0], [\"</s>\", 0]]}}"
            .formatted(unknown));
    assertThatThrownBy(() -> T5Tokenizer.load(folder, 77))
        .isInstanceOf(IOException.class)
        .hasMessage(file + ": not a tokenizer of T5: it has no unknown token (unk_id)");
  }

  @Test
  void refusesPiecesWithoutAnUnknownToken() throws IOException {
    Path file = folder.resolve("spiece.model");
    byte[] pieces = T5TokenizerFuzzTest.pieces(false);
    Files.write(file, pieces);
    T5Tokenizer.load(folder, 77).close();
    int kind = new String(pieces, StandardCharsets.ISO_8859_1).indexOf("<unk>") + "<unk>".length();
    pieces[kind + 6] = 3; // after the score: a control token as the others
    Files.write(file, pieces);
    assertThatThrownBy(() -> T5Tokenizer.load(folder, 77))
        .isInstanceOf(IOException.class)
        .hasMessage(file + ": not a model of SentencePiece: it has no unknown piece");
  }

  @ParameterizedTest
  @ValueSource(strings = {"small-b", "real"})
  void aModelOfSentencePieceGivesTheSameIds(String name) throws IOException {
    Path golden = FlowGolden.path("t5tok/" + name);
    JsonObject json =
        JsonParser.parseString(Files.readString(golden.resolve("tokenizer.json")))
            .getAsJsonObject();
    Files.write(folder.resolve("spiece.model"), sentencePiece(json));
    try (T5Tokenizer expected = T5Tokenizer.load(golden, 64);
        T5Tokenizer actual = T5Tokenizer.load(folder, 64)) {
      assertThat(actual.vocabularySize()).isEqualTo(expected.vocabularySize());
      assertThat(actual.endId()).isEqualTo(expected.endId());
      assertThat(actual.padId()).isEqualTo(expected.padId());
      JsonArray prompts =
          JsonParser.parseString(Files.readString(FlowGolden.path("t5tok/ids.json")))
              .getAsJsonObject()
              .getAsJsonObject(name)
              .getAsJsonArray("prompts");
      for (JsonElement prompt : prompts) {
        String text = prompt.getAsJsonObject().get("prompt").getAsString();
        assertThat(actual.ids(text)).as(text).isEqualTo(expected.ids(text));
      }
    }
  }

  @Test
  void refusesFilesThatAreNoUnigramModel() throws IOException {
    Path file = folder.resolve("spiece.model");
    byte[] whole =
        sentencePiece(
            JsonParser.parseString(Files.readString(real().resolve("tokenizer.json")))
                .getAsJsonObject());
    for (byte[] content :
        new byte[][] {
          {}, {1, 2, 3}, Arrays.copyOf(whole, whole.length - 7), {0x12, 2, 0x18, 2} // BPE
        }) {
      Files.write(file, content);
      assertThatThrownBy(() -> T5Tokenizer.load(folder, 77))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("spiece.model: not a");
    }
  }

  /** Writes the protocol buffer from which the tokenizer would be made. */
  private static byte[] sentencePiece(JsonObject tokenizer) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int id = 0;
    for (JsonElement element : tokenizer.getAsJsonObject("model").getAsJsonArray("vocab")) {
      JsonArray entry = element.getAsJsonArray();
      String text = entry.get(0).getAsString();
      if (text.startsWith("<extra_id_")) {
        break;
      }
      ByteArrayOutputStream piece = new ByteArrayOutputStream();
      field(piece, 1, text.getBytes(StandardCharsets.UTF_8));
      piece.write(2 << 3 | 5);
      piece.writeBytes(
          ByteBuffer.allocate(4)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putFloat(entry.get(1).getAsFloat())
              .array());
      if (id < 3) {
        piece.write(3 << 3);
        piece.write(id == 2 ? 2 : 3); // unknown, else control
      }
      field(out, 1, piece.toByteArray());
      id++;
    }
    field(out, 2, new byte[] {3 << 3, 1}); // unigram
    ByteArrayOutputStream normalizer = new ByteArrayOutputStream();
    field(normalizer, 1, "nmt_nfkc".getBytes(StandardCharsets.UTF_8));
    String charsMap =
        tokenizer
            .getAsJsonObject("normalizer")
            .getAsJsonArray("normalizers")
            .get(0)
            .getAsJsonObject()
            .get("precompiled_charsmap")
            .getAsString();
    field(normalizer, 2, Base64.getDecoder().decode(charsMap));
    field(out, 3, normalizer.toByteArray());
    return out.toByteArray();
  }

  private static void field(ByteArrayOutputStream out, int number, byte[] content) {
    out.write(number << 3 | 2);
    int rest = content.length;
    while (rest >= 0x80) {
      out.write(rest & 0x7F | 0x80);
      rest >>>= 7;
    }
    out.write(rest);
    out.writeBytes(content);
  }
}
