package dev.ablation.djl.clip;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a tokenizer folder says, checked.
 *
 * @param vocabulary id of each token of the BPE model; ids are 0 to size - 1
 * @param merges in rank order
 * @param added tokens matched before BPE, by id
 * @param unknown token for what the vocabulary lacks
 * @param startId of the token before a prompt
 * @param endId of the token after a prompt
 * @param padId of the token that fills the context
 * @param maxLength {@code model_max_length}; infinity if the folder does not limit the length
 */
record TokenizerFiles(
    Map<String, Integer> vocabulary,
    List<Merge> merges,
    Map<Integer, AddedToken> added,
    String unknown,
    int startId,
    int endId,
    int padId,
    double maxLength) {

  /** Two tokens that BPE joins. */
  record Merge(String left, String right) {}

  /** Names of special tokens in the order of the reference, with CLIP's values where it has any. */
  private static final Map<String, String> SPECIAL = new LinkedHashMap<>();

  static {
    SPECIAL.put("bos_token", "<|startoftext|>");
    SPECIAL.put("eos_token", "<|endoftext|>");
    SPECIAL.put("unk_token", "<|endoftext|>");
    SPECIAL.put("sep_token", "");
    SPECIAL.put("pad_token", "<|endoftext|>");
    SPECIAL.put("cls_token", "");
    SPECIAL.put("mask_token", "");
  }

  /** The text pipeline of CLIP around the BPE model, in the form of tokenizer.json. */
  private static final String PIPELINE =
      """
      {"version": "1.0", "truncation": null, "padding": null, "post_processor": null,
       "normalizer": {"type": "Sequence", "normalizers": [
         {"type": "NFC"},
         {"type": "Replace", "pattern": {"Regex": "\\\\s+"}, "content": " "},
         {"type": "Lowercase"}]},
       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
         {"type": "Split", "behavior": "Removed", "invert": true, "pattern": {"Regex":
           "<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|'s|'t|'re|'ve|'m|'ll|'d|\
      [\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+"}},
         {"type": "ByteLevel",
           "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
       "decoder": {"type": "ByteLevel",
         "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
       "model": {"type": "BPE", "dropout": null, "continuing_subword_prefix": "",
         "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false,
         "ignore_merges": false}}
      """;

  /** Reads a folder the way transformers 5 does. */
  static TokenizerFiles read(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new NotDirectoryException(folder.toString());
    }
    Path whole = folder.resolve("tokenizer.json");
    Path config = folder.resolve("tokenizer_config.json");
    JsonObject tokenizer = Files.exists(whole) ? Json.read(whole) : null;
    JsonObject settings = Files.exists(config) ? Json.read(config) : new JsonObject();
    JsonObject model = tokenizer == null ? null : model(tokenizer, whole);

    Path vocabFile = model == null ? folder.resolve("vocab.json") : whole;
    JsonObject vocab =
        model == null ? Json.read(vocabFile) : Json.object(model.get("vocab"), "vocab", whole);
    Map<String, Integer> vocabulary = vocabulary(vocab, vocabFile);
    List<Merge> merges =
        model == null
            ? mergesOfText(folder.resolve("merges.txt"), vocabulary)
            : mergesOfJson(model.get("merges"), vocabulary, whole);

    Specials specials = Specials.read(folder, settings, config, tokenizer, whole);
    Map<Integer, AddedToken> added = new TreeMap<>(specials.numbered());
    Map<String, Integer> ids = new LinkedHashMap<>(vocabulary);
    for (Map.Entry<Integer, AddedToken> entry : specials.numbered().entrySet()) {
      String token = entry.getValue().content();
      Integer id = ids.putIfAbsent(token, ids.size());
      int expected = id == null ? ids.size() - 1 : id;
      if (entry.getKey() != expected) {
        throw Json.malformed(
            folder, "added token " + token + " has id " + entry.getKey() + ", not " + expected);
      }
    }
    for (AddedToken token : specials.unnumbered()) {
      added.put(idOf(token.content(), ids, vocabFile), token);
    }
    return new TokenizerFiles(
        vocabulary,
        merges,
        added,
        specials.named("unk_token"),
        idOf(specials.named("bos_token"), ids, vocabFile),
        idOf(specials.named("eos_token"), ids, vocabFile),
        idOf(specials.named("pad_token"), ids, vocabFile),
        maxLength(settings, config));
  }

  /** Returns the number of tokens with those that follow the vocabulary. */
  int size() {
    return Math.max(
        vocabulary.size(), added.keySet().stream().mapToInt(id -> id + 1).max().orElse(0));
  }

  /** Returns tokenizer.json as transformers would build it. */
  String toJson() {
    JsonObject vocab = new JsonObject();
    vocabulary.forEach(vocab::addProperty);
    JsonArray pairs = new JsonArray();
    for (Merge merge : merges) {
      JsonArray pair = new JsonArray();
      pair.add(merge.left());
      pair.add(merge.right());
      pairs.add(pair);
    }
    JsonArray tokens = new JsonArray();
    added.forEach((id, token) -> tokens.add(token.toJson(id)));
    JsonObject json = JsonParser.parseString(PIPELINE).getAsJsonObject();
    json.add("added_tokens", tokens);
    JsonObject model = json.getAsJsonObject("model");
    model.addProperty("unk_token", unknown);
    model.add("vocab", vocab);
    model.add("merges", pairs);
    return json.toString();
  }

  private static JsonObject model(JsonObject tokenizer, Path file) throws IOException {
    JsonObject model = Json.object(tokenizer.get("model"), "model", file);
    JsonElement suffix = model.get("end_of_word_suffix");
    if (suffix == null || !Json.isString(suffix) || !suffix.getAsString().equals("</w>")) {
      throw Json.malformed(
          file, "not a CLIP tokenizer: end_of_word_suffix must be \"</w>\", was " + suffix);
    }
    return model;
  }

  private static Map<String, Integer> vocabulary(JsonObject json, Path file) throws IOException {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    BitSet seen = new BitSet(json.size());
    for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
      int id = Json.id(entry.getValue(), entry.getKey(), file);
      if (id < 0 || id >= json.size() || seen.get(id)) {
        throw Json.malformed(
            file,
            "ids must be 0 to %d, each once; token %s has %d"
                .formatted(json.size() - 1, entry.getKey(), id));
      }
      seen.set(id);
      vocabulary.put(entry.getKey(), id);
    }
    return vocabulary;
  }

  private static List<Merge> mergesOfText(Path file, Map<String, Integer> vocabulary)
      throws IOException {
    List<String> lines;
    try {
      lines = Files.readAllLines(file, StandardCharsets.UTF_8);
    } catch (CharacterCodingException e) {
      throw new IOException(file + ": not UTF-8", e);
    }
    List<Merge> merges = new ArrayList<>(lines.size());
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      boolean blankEnd = i == lines.size() - 1 && line.isEmpty();
      if (!line.startsWith("#version") && !blankEnd) {
        merges.add(merge(line.split(" ", -1), "line " + (i + 1), vocabulary, file));
      }
    }
    return merges;
  }

  private static List<Merge> mergesOfJson(
      @Nullable JsonElement json, Map<String, Integer> vocabulary, Path file) throws IOException {
    if (json == null || !json.isJsonArray()) {
      throw Json.malformed(file, "merges must be a JSON array");
    }
    List<Merge> merges = new ArrayList<>();
    for (JsonElement element : json.getAsJsonArray()) {
      String place = "merge " + merges.size();
      String[] parts;
      if (element.isJsonArray()) {
        parts = new String[element.getAsJsonArray().size()];
        for (int i = 0; i < parts.length; i++) {
          parts[i] = Json.string(element.getAsJsonArray().get(i), place, file);
        }
      } else {
        parts = Json.string(element, place, file).split(" ", -1);
      }
      merges.add(merge(parts, place, vocabulary, file));
    }
    return merges;
  }

  private static Merge merge(
      String[] parts, String place, Map<String, Integer> vocabulary, Path file) throws IOException {
    if (parts.length != 2 || parts[0].isEmpty() || parts[1].isEmpty()) {
      throw Json.malformed(
          file, place + ": a merge has two tokens, was \"" + String.join(" ", parts) + "\"");
    }
    for (String token : List.of(parts[0], parts[1], parts[0] + parts[1])) {
      if (!vocabulary.containsKey(token)) {
        throw Json.malformed(file, place + ": " + token + " is not in the vocabulary");
      }
    }
    return new Merge(parts[0], parts[1]);
  }

  private static int idOf(String token, Map<String, Integer> ids, Path file) throws IOException {
    Integer id = ids.get(token);
    if (id == null) {
      throw Json.malformed(file, "special token " + token + " is not in the vocabulary");
    }
    return id;
  }

  private static double maxLength(JsonObject settings, Path file) throws IOException {
    JsonElement json = settings.get("model_max_length");
    if (json == null || json.isJsonNull()) {
      return Double.POSITIVE_INFINITY;
    }
    if (!json.isJsonPrimitive()
        || !json.getAsJsonPrimitive().isNumber()
        || json.getAsDouble() < 2) {
      throw Json.malformed(file, "model_max_length must be a number of at least 2, was " + json);
    }
    return json.getAsDouble();
  }

  /**
   * Special tokens of a folder.
   *
   * @param numbered tokens that come with their id, which decide how they are matched
   * @param names special tokens by name
   * @param others special tokens without a name
   */
  private record Specials(
      Map<Integer, AddedToken> numbered, Map<String, AddedToken> names, List<AddedToken> others) {

    /**
     * Merges the places that define special tokens. {@code added_tokens_decoder} of the config is
     * the newest and replaces all others; before it, special_tokens_map.json overrode the config.
     */
    static Specials read(
        Path folder,
        JsonObject settings,
        Path config,
        @Nullable JsonObject tokenizer,
        Path tokenizerFile)
        throws IOException {
      JsonElement decoder = settings.get("added_tokens_decoder");
      Path mapFile = folder.resolve("special_tokens_map.json");
      JsonObject map =
          decoder == null && Files.exists(mapFile) ? Json.read(mapFile) : new JsonObject();
      Map<String, AddedToken> names = new LinkedHashMap<>();
      for (Map.Entry<String, String> entry : SPECIAL.entrySet()) {
        String name = entry.getKey();
        JsonElement own = map.get(name);
        JsonElement json = own == null ? settings.get(name) : own;
        if (json != null && !json.isJsonNull()) {
          names.put(name, AddedToken.of(json, own != null, own == null ? config : mapFile));
        } else if (!entry.getValue().isEmpty()) {
          names.put(name, AddedToken.of(entry.getValue(), true));
        }
      }
      List<AddedToken> others = new ArrayList<>();
      for (String key : List.of("additional_special_tokens", "extra_special_tokens")) {
        JsonElement json = map.has(key) ? map.get(key) : settings.get(key);
        if (json != null && json.isJsonArray()) {
          for (JsonElement token : json.getAsJsonArray()) {
            others.add(AddedToken.of(token, true, map.has(key) ? mapFile : config));
          }
        }
      }
      Specials result = new Specials(new TreeMap<>(), names, others);
      if (decoder != null) {
        result.addDecoder(Json.object(decoder, "added_tokens_decoder", config), config);
      } else {
        result.addLegacy(folder.resolve("added_tokens.json"));
        if (tokenizer != null) {
          result.addAll(tokenizer.get("added_tokens"), tokenizerFile);
        }
      }
      return result;
    }

    private void addDecoder(JsonObject decoder, Path file) throws IOException {
      for (Map.Entry<String, JsonElement> entry : decoder.entrySet()) {
        try {
          numbered.put(
              Integer.valueOf(entry.getKey()), AddedToken.of(entry.getValue(), false, file));
        } catch (NumberFormatException e) {
          throw new IOException(
              file + ": keys of added_tokens_decoder must be ids, was " + entry.getKey(), e);
        }
      }
    }

    private void addLegacy(Path file) throws IOException {
      if (Files.exists(file)) {
        for (Map.Entry<String, JsonElement> entry : Json.read(file).entrySet()) {
          boolean special = unnumbered().stream().anyMatch(t -> t.content().equals(entry.getKey()));
          numbered.put(
              Json.id(entry.getValue(), entry.getKey(), file),
              AddedToken.of(entry.getKey(), special));
        }
      }
    }

    private void addAll(@Nullable JsonElement tokens, Path file) throws IOException {
      if (tokens == null || !tokens.isJsonArray()) {
        throw Json.malformed(file, "added_tokens must be a JSON array, was " + tokens);
      }
      for (JsonElement token : tokens.getAsJsonArray()) {
        JsonObject object = Json.object(token, "added token", file);
        AddedToken added = AddedToken.of(object, false, file);
        if (!object.has("id")) {
          throw Json.malformed(file, "added token " + added.content() + " has no id");
        }
        numbered.put(Json.id(object.get("id"), added.content(), file), added);
      }
    }

    /**
     * Tokens known by name only. Where the same text is defined in two ways, the later way holds,
     * as in the reference; a repetition of an earlier way does not count.
     */
    List<AddedToken> unnumbered() {
      Set<AddedToken> tokens = new LinkedHashSet<>(names.values());
      tokens.addAll(others);
      tokens.removeIf(
          token -> numbered.values().stream().anyMatch(n -> n.content().equals(token.content())));
      return List.copyOf(tokens);
    }

    /** Returns the text of a token that CLIP always has. */
    String named(String name) {
      return Objects.requireNonNull(names.get(name)).content();
    }
  }
}
