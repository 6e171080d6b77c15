package dev.ablation.djl.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.model.PromptTokenizer.Tokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Folders, errors, cut text and properties, on a vocabulary of all bytes and four merges. */
class ClipTokenizerTest {

  private static final List<String> MERGES = List.of("c a", "ca t</w>", "o f</w>", "a r");

  @TempDir Path folder;

  private final Map<String, Integer> vocab = new LinkedHashMap<>();

  @BeforeEach
  void writeFolder() throws IOException {
    List<String> bytes = byteSymbols();
    bytes.forEach(symbol -> vocab.put(symbol, vocab.size()));
    bytes.forEach(symbol -> vocab.put(symbol + "</w>", vocab.size()));
    MERGES.forEach(merge -> vocab.put(merge.replace(" ", ""), vocab.size()));
    vocab.put("<|startoftext|>", vocab.size());
    vocab.put("<|endoftext|>", vocab.size());
    write("vocab.json", new Gson().toJson(vocab));
    write("merges.txt", "#version: 0.2\n" + String.join("\n", MERGES) + "\n");
  }

  /** The printable form of the 256 bytes, in the order of CLIP's vocabulary. */
  private static List<String> byteSymbols() {
    List<String> symbols = new ArrayList<>();
    IntStream.rangeClosed('!', '~').forEach(c -> symbols.add(Character.toString(c)));
    IntStream.rangeClosed(0xA1, 0xAC).forEach(c -> symbols.add(Character.toString(c)));
    IntStream.rangeClosed(0xAE, 0xFF).forEach(c -> symbols.add(Character.toString(c)));
    IntStream.range(0x100, 0x100 + 256 - symbols.size())
        .forEach(c -> symbols.add(Character.toString(c)));
    return symbols;
  }

  private void write(String name, String content) throws IOException {
    Files.writeString(folder.resolve(name), content);
  }

  private List<Integer> idsOf(String... tokens) {
    return Arrays.stream(tokens).map(vocab::get).toList();
  }

  private List<Integer> ids(String prompt) throws IOException {
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 77)) {
      return tokenizer.ids(prompt);
    }
  }

  @Test
  void mergesInRankOrder() throws IOException {
    assertThat(ids("Cat  of CAR")).isEqualTo(idsOf("cat</w>", "of</w>", "ca", "r</w>"));
  }

  @Test
  void defaultsAreThoseOfClip() throws IOException {
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 6)) {
      int start = vocab.get("<|startoftext|>");
      int end = vocab.get("<|endoftext|>");
      assertThat(tokenizer.contextLength()).isEqualTo(6);
      assertThat(tokenizer.vocabularySize()).isEqualTo(vocab.size());
      assertThat(tokenizer.encode("cat"))
          .containsExactly(start, vocab.get("cat</w>"), end, end, end, end);
      assertThat(tokenizer.padId()).isEqualTo(end);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tokenizer_config.json", "special_tokens_map.json"})
  void padTokenIsCutOutOfThePrompt(String file) throws IOException {
    write(file, "{\"pad_token\": \"!\"}");
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 5)) {
      assertThat(tokenizer.padId()).isZero();
      assertThat(tokenizer.ids("cat!")).isEqualTo(idsOf("cat</w>", "!"));
      assertThat(tokenizer.encode("")).endsWith(0, 0, 0);
    }
  }

  @Test
  void specialTokensMapOverridesConfig() throws IOException {
    write("tokenizer_config.json", "{\"pad_token\": \"#\"}");
    write("special_tokens_map.json", "{\"pad_token\": {\"content\": \"!\", \"lstrip\": false}}");
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 5)) {
      assertThat(tokenizer.padId()).isZero();
    }
  }

  @Test
  void addedTokensDecoderReplacesTheMap() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"pad_token\": \"#\", \"added_tokens_decoder\": {\"%d\": {\"content\": \"<cat-toy>\"}}}"
            .formatted(vocab.size()));
    write("special_tokens_map.json", "{\"pad_token\": \"!\"}");
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 5)) {
      assertThat(tokenizer.padId()).isEqualTo(vocab.get("#"));
      assertThat(tokenizer.vocabularySize()).isEqualTo(vocab.size() + 1);
      assertThat(tokenizer.ids("a <CAT-toy>")).containsExactly(vocab.get("a</w>"), vocab.size());
    }
  }

  @Test
  void addedTokensFollowTheVocabulary() throws IOException {
    write(
        "added_tokens.json",
        "{\"<two>\": %d, \"<one>\": %d}".formatted(vocab.size() + 1, vocab.size()));
    assertThat(ids("<one><two>")).containsExactly(vocab.size(), vocab.size() + 1);
  }

  @ParameterizedTest
  @CsvSource({"true, 2", "false, 1"})
  void upperCaseSpecialTokensNeedNormalizedTokens(boolean normalized, int expected)
      throws IOException {
    String token = "{\"content\": \"<|endoftext|>\", \"normalized\": " + normalized + "}";
    write(
        "special_tokens_map.json",
        "{\"eos_token\": %s, \"unk_token\": %s, \"pad_token\": %s}".formatted(token, token, token));
    int end = vocab.get("<|endoftext|>");
    assertThat(ids("<|endoftext|> <|EndOfText|>").stream().filter(id -> id == end))
        .hasSize(expected);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void readsTokenizerJson(boolean pairs) throws IOException {
    writeTokenizerJson(pairs);
    Files.delete(folder.resolve("vocab.json"));
    Files.delete(folder.resolve("merges.txt"));
    assertThat(ids("Cat of")).isEqualTo(idsOf("cat</w>", "of</w>"));
  }

  @Test
  void tokenizerJsonGoesBeforeVocabAndMerges() throws IOException {
    writeTokenizerJson(true);
    write("merges.txt", "#version: 0.2\n");
    assertThat(ids("cat")).isEqualTo(idsOf("cat</w>"));
  }

  private void writeTokenizerJson(boolean pairs) throws IOException {
    JsonArray merges = new JsonArray();
    for (String merge : MERGES) {
      if (pairs) {
        merges.add(new Gson().toJsonTree(merge.split(" ")));
      } else {
        merges.add(merge);
      }
    }
    JsonObject model = new JsonObject();
    model.addProperty("type", "BPE");
    model.addProperty("end_of_word_suffix", "</w>");
    model.add("vocab", new Gson().toJsonTree(vocab));
    model.add("merges", merges);
    JsonObject json = new JsonObject();
    json.add("added_tokens", new JsonArray());
    json.add("model", model);
    write("tokenizer.json", json.toString());
  }

  @ParameterizedTest
  @CsvSource({"77, 5, 5", "4, 77, 4", "77, 1e30, 77"})
  void shorterLengthWins(int context, String maximum, int expected) throws IOException {
    write("tokenizer_config.json", "{\"model_max_length\": " + maximum + "}");
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, context)) {
      assertThat(tokenizer.contextLength()).isEqualTo(expected);
      assertThat(tokenizer.encode("")).hasSize(expected);
    }
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      value = {
        "\"cat of cat\", \"\"",
        "\"cat of cat of\", \"of\"",
        "\"  Cat\tOF  cat, Of CAT \", \", Of CAT \"",
        "\"\uD83D\uDE00 cat\", \"\uD83D\uDE00 cat\"",
        "\"cat cat \uD83D\uDE00 Of\", \"\uD83D\uDE00 Of\"",
      })
  void cutIsTheEndOfThePromptAsWritten(String prompt, String cut) throws IOException {
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 5)) {
      assertThat(tokenizer.cut(prompt)).isEqualTo(cut);
      Tokens tokens = tokenizer.tokens(prompt);
      assertThat(tokens.cut()).isEqualTo(cut);
      assertThat(tokens.truncated()).isEqualTo(!cut.isEmpty());
      assertThat(tokens.ids()).hasSizeLessThanOrEqualTo(3);
    }
  }

  @Test
  void loneSurrogateReadsAsReplacement() throws IOException {
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 5)) {
      assertThat(tokenizer.ids("\uD83D Cat")).isEqualTo(tokenizer.ids("\uFFFD cat"));
      assertThat(tokenizer.cut("\uD83D Cat of")).isEqualTo("Cat of");
    }
  }

  @Test
  void smallestContextHoldsNoToken() throws IOException {
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 2)) {
      assertThat(tokenizer.encode("cat")).containsExactly(tokenizer.startId(), tokenizer.endId());
      assertThat(tokenizer.cut("cat")).isEqualTo("cat");
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void asciiPromptsSurviveTheRoundTrip(long seed) throws IOException {
    Random random = new Random(seed);
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 12)) {
      for (int i = 0; i < 50; i++) {
        String prompt =
            random
                .ints(random.nextInt(40), ' ', '~' + 1)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        List<Integer> ids = tokenizer.ids(prompt);
        String text = tokenizer.decode(ids);
        assertThat(text.replace(" ", ""))
            .isEqualTo(prompt.replace(" ", "").toLowerCase(Locale.ROOT));
        assertThat(tokenizer.ids(text)).isEqualTo(ids);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void anyTextGivesConsistentIds(long seed) throws IOException {
    Random random = new Random(seed);
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 12)) {
      for (int i = 0; i < 50; i++) {
        String prompt =
            random
                .ints(random.nextInt(20), 0, 0x11000)
                .map(c -> c < 0x10000 ? c : 0x1F300 + random.nextInt(0x400))
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        int[] encoded = tokenizer.encode(prompt);
        assertThat(encoded).hasSize(12);
        assertThat(Arrays.stream(encoded))
            .allMatch(id -> id >= 0 && id < tokenizer.vocabularySize());
        List<Integer> ids = tokenizer.ids(prompt);
        int attended = tokenizer.attentionLength(prompt);
        assertThat(attended).isEqualTo(Math.min(ids.size() + 2, 12));
        assertThat(encoded[attended - 1]).isEqualTo(tokenizer.endId());
        assertThat(prompt).endsWith(tokenizer.cut(prompt));
        assertThat(tokenizer.cut(prompt).isEmpty()).isEqualTo(ids.size() <= 10);
      }
    }
  }

  @Test
  void contextMustHoldStartAndEnd() {
    assertThatThrownBy(() -> ClipTokenizer.load(folder, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("contextLength must be at least 2, was 1");
  }

  @Test
  void decodeRejectsForeignIds() throws IOException {
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder, 5)) {
      assertThatThrownBy(() -> tokenizer.decode(List.of(0, vocab.size())))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("was " + vocab.size());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"vocab.json", "merges.txt"})
  void missingFile(String name) throws IOException {
    Files.delete(folder.resolve(name));
    assertFails(name, "");
  }

  @Test
  void missingFolder() {
    assertThatThrownBy(() -> ClipTokenizer.load(folder.resolve("absent"), 5))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(folder.resolve("absent").toString());
  }

  /** A file's name, its content, a part of the message. */
  static List<List<String>> malformed() {
    return List.of(
        List.of("vocab.json", "{\"a\": 0", "is not JSON"),
        List.of("vocab.json", "{a: 0}", "is not JSON"),
        List.of("vocab.json", "{} {}", "is not JSON"),
        List.of("vocab.json", "[1]", "must be a JSON object"),
        List.of("vocab.json", "", "is not JSON"),
        List.of("vocab.json", "{\"a\": 1.5}", "a must be an integer"),
        List.of("vocab.json", "{\"a\": \"0\"}", "a must be an integer"),
        List.of("vocab.json", "{\"a\": 0, \"b\": 0}", "token b has 0"),
        List.of("vocab.json", "{\"a\": 0, \"b\": 2}", "token b has 2"),
        List.of("vocab.json", "{\"a\": -1}", "token a has -1"),
        List.of("merges.txt", "#version: 0.2\nc a\nca\n", "line 3"),
        List.of("merges.txt", "#version: 0.2\nc a t\n", "line 2"),
        List.of("merges.txt", "#version: 0.2\n\nc a\n", "line 2"),
        List.of("merges.txt", "c  a\n", "line 1"),
        List.of("merges.txt", "c x\n", "line 1: cx is not in the vocabulary"),
        List.of("merges.txt", "xx a\n", "line 1: xx is not in the vocabulary"),
        List.of("tokenizer_config.json", "{\"model_max_length\": \"x\"}", "model_max_length"),
        List.of("tokenizer_config.json", "{\"model_max_length\": 1}", "model_max_length"),
        List.of("tokenizer_config.json", "{\"bos_token\": 3}", "special token"),
        List.of("tokenizer_config.json", "{\"added_tokens_decoder\": []}", "added_tokens_decoder"),
        List.of(
            "tokenizer_config.json",
            "{\"added_tokens_decoder\": {\"x\": {\"content\": \"!\"}}}",
            "keys of added_tokens_decoder must be ids"),
        List.of("special_tokens_map.json", "{", "is not JSON"),
        List.of("special_tokens_map.json", "{\"pad_token\": {}}", "content must be a string"),
        List.of(
            "special_tokens_map.json",
            "{\"pad_token\": {\"content\": \"!\", \"normalized\": 1}}",
            "normalized must be true or false"),
        List.of("tokenizer.json", "{}", "model must be a JSON object"),
        List.of("tokenizer.json", "{\"model\": {}}", "not a CLIP tokenizer"),
        List.of(
            "tokenizer.json",
            "{\"model\": {\"end_of_word_suffix\": \"</w>\", \"vocab\": {}}}",
            "merges must be a JSON array"),
        List.of(
            "tokenizer.json",
            "{\"model\": {\"end_of_word_suffix\": \"</w>\", \"vocab\": {}, \"merges\": [[\"a\"]]}}",
            "merge 0: a merge has two tokens"));
  }

  @ParameterizedTest
  @MethodSource("malformed")
  void malformedFile(List<String> row) throws IOException {
    write(row.get(0), row.get(1));
    assertFails(row.get(0), row.get(2));
  }

  @ParameterizedTest
  @ValueSource(strings = {"<|startoftext|>", "<|endoftext|>"})
  void missingSpecialToken(String token) throws IOException {
    int id = vocab.get(token);
    vocab.remove(token);
    vocab.put("replacement", id);
    write("vocab.json", new Gson().toJson(vocab));
    assertFails("vocab.json", "special token " + token + " is not in the vocabulary");
  }

  @Test
  void addedTokenWithTheIdOfAnother() throws IOException {
    write("added_tokens.json", "{\"<one>\": 3}");
    assertFails("", "added token <one> has id 3, not " + vocab.size());
  }

  @Test
  void invalidUtf8() throws IOException {
    Files.write(folder.resolve("merges.txt"), new byte[] {'a', (byte) 0xFF});
    assertFails("merges.txt", "must be UTF-8 text");
  }

  @Test
  void anIdBeyondEveryNumber() throws Exception {
    Path vocabulary =
        Path.of(
            ClipTokenizerTest.class
                .getResource("/damaged/vocabulary-id-of-1e9999999999.json")
                .toURI());
    Files.copy(vocabulary, folder.resolve("vocab.json"), StandardCopyOption.REPLACE_EXISTING);
    assertFails("vocab.json", "a must be an integer");
  }

  private void assertFails(String file, String message) {
    assertThatThrownBy(() -> ClipTokenizer.load(folder, 77))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(folder.resolve(file).toString())
        .hasMessageContaining(message);
  }
}
