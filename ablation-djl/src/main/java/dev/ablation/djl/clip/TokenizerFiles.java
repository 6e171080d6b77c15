package dev.ablation.djl.clip;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.load.JsonConfig;
import dev.ablation.internal.TextFile;
import dev.ablation.internal.TextFormatException;
import java.io.IOException;
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
 * The checked content of a tokenizer folder.
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

  private static final String DECODER = "added_tokens_decoder";

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
    JsonConfig tokenizer = Files.exists(whole) ? JsonConfig.read(whole) : null;
    JsonConfig settings = readIfThere(config);
    JsonConfig model = tokenizer == null ? null : model(tokenizer, whole);

    Path vocabFile = model == null ? folder.resolve("vocab.json") : whole;
    JsonConfig vocab =
        model == null
            ? JsonConfig.read(vocabFile)
            : JsonConfig.of(whole, model.value("vocab"), "vocab");
    Map<String, Integer> vocabulary = vocabulary(vocab);
    List<Merge> merges =
        model == null
            ? mergesOfText(folder.resolve("merges.txt"), vocabulary)
            : mergesOfJson(model.value("merges"), vocabulary, whole);

    Specials specials = Specials.read(folder, settings, config, tokenizer, whole);
    Map<Integer, AddedToken> added = new TreeMap<>(specials.numbered());
    Map<String, Integer> ids = new LinkedHashMap<>(vocabulary);
    for (Map.Entry<Integer, AddedToken> entry : specials.numbered().entrySet()) {
      String token = entry.getValue().content();
      Integer id = ids.putIfAbsent(token, ids.size());
      int expected = id == null ? ids.size() - 1 : id;
      if (entry.getKey() != expected) {
        throw new InvalidCheckpointException(
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
        maxLength(settings));
  }

  /**
   * Returns the same files with more tokens, which are matched as words of their own.
   *
   * @param tokens not known yet; their ids follow the last one
   * @param folder for messages
   */
  TokenizerFiles with(List<String> tokens, Path folder) throws IOException {
    Map<Integer, AddedToken> all = new TreeMap<>(added);
    int id = size();
    for (String token : tokens) {
      boolean known =
          vocabulary.containsKey(token)
              || all.values().stream().anyMatch(each -> each.content().equals(token));
      if (known) {
        throw new InvalidCheckpointException(
            folder, "token '" + token + "' cannot be added, because it is there already");
      }
      all.put(id++, AddedToken.of(token, false));
    }
    return new TokenizerFiles(vocabulary, merges, all, unknown, startId, endId, padId, maxLength);
  }

  /**
   * Returns what follows a token that stands for several: of {@code t} the ids of {@code t_1},
   * {@code t_2} and so on, if they were added.
   */
  Map<Integer, List<Integer>> followers() {
    Map<String, Integer> ids = new LinkedHashMap<>();
    added.forEach((id, token) -> ids.put(token.content(), id));
    Map<Integer, List<Integer>> followers = new TreeMap<>();
    ids.forEach((token, id) -> {
      List<Integer> more = new ArrayList<>();
      for (int i = 1; ids.containsKey(token + "_" + i); i++) {
        more.add(ids.get(token + "_" + i));
      }
      if (!more.isEmpty()) {
        followers.put(id, more);
      }
    });
    return followers;
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

  private static JsonConfig readIfThere(Path file) throws IOException {
    return Files.exists(file) ? JsonConfig.read(file) : JsonConfig.of(file, Map.of(), "content");
  }

  private static JsonConfig model(JsonConfig tokenizer, Path file) throws IOException {
    JsonConfig model = JsonConfig.of(file, tokenizer.value("model"), "model");
    Object suffix = model.value("end_of_word_suffix");
    if (!"</w>".equals(suffix)) {
      throw new InvalidCheckpointException(
          file, "not a CLIP tokenizer: end_of_word_suffix must be \"</w>\", was " + suffix);
    }
    return model;
  }

  private static Map<String, Integer> vocabulary(JsonConfig json) throws IOException {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    int size = json.keys().size();
    BitSet seen = new BitSet(size);
    for (String token : json.keys()) {
      int id = json.requireInt(token);
      if (id < 0 || id >= size || seen.get(id)) {
        throw new InvalidCheckpointException(
            json.path(),
            "ids must be 0 to %d, each once; token %s has %d".formatted(size - 1, token, id));
      }
      seen.set(id);
      vocabulary.put(token, id);
    }
    return vocabulary;
  }

  private static List<Merge> mergesOfText(Path file, Map<String, Integer> vocabulary)
      throws IOException {
    List<String> lines;
    try {
      lines = TextFile.lines(file);
    } catch (TextFormatException e) {
      throw new InvalidCheckpointException(file, "is not text: " + e.getMessage());
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
      @Nullable Object json, Map<String, Integer> vocabulary, Path file) throws IOException {
    if (!(json instanceof List<?> list)) {
      throw new InvalidCheckpointException(file, "merges must be a JSON array");
    }
    List<Merge> merges = new ArrayList<>();
    for (Object element : list) {
      String place = "merge " + merges.size();
      List<?> parts =
          element instanceof String text ? List.of(text.split(" ", -1)) : listOrEmpty(element);
      if (!parts.stream().allMatch(String.class::isInstance)) {
        throw new InvalidCheckpointException(
            file, place + ": tokens must be strings, was " + element);
      }
      merges.add(
          merge(
              parts.stream().map(String::valueOf).toArray(String[]::new), place, vocabulary, file));
    }
    return merges;
  }

  private static List<?> listOrEmpty(@Nullable Object value) {
    return value instanceof List<?> list ? list : List.of();
  }

  private static Merge merge(
      String[] parts, String place, Map<String, Integer> vocabulary, Path file) throws IOException {
    if (parts.length != 2 || parts[0].isEmpty() || parts[1].isEmpty()) {
      throw new InvalidCheckpointException(
          file, place + ": a merge has two tokens, was \"" + String.join(" ", parts) + "\"");
    }
    for (String token : List.of(parts[0], parts[1], parts[0] + parts[1])) {
      if (!vocabulary.containsKey(token)) {
        throw new InvalidCheckpointException(
            file, place + ": " + token + " is not in the vocabulary");
      }
    }
    return new Merge(parts[0], parts[1]);
  }

  private static int idOf(String token, Map<String, Integer> ids, Path file) throws IOException {
    Integer id = ids.get(token);
    if (id == null) {
      throw new InvalidCheckpointException(
          file, "special token " + token + " is not in the vocabulary");
    }
    return id;
  }

  private static double maxLength(JsonConfig settings) throws IOException {
    double length = settings.extendedDoubleOr("model_max_length", Double.POSITIVE_INFINITY);
    if (!(length >= 2)) {
      throw settings.invalid("model_max_length", "a number of at least 2");
    }
    return length;
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
        JsonConfig settings,
        Path config,
        @Nullable JsonConfig tokenizer,
        Path tokenizerFile)
        throws IOException {
      boolean decoded = settings.keys().contains(DECODER);
      Path mapFile = folder.resolve("special_tokens_map.json");
      JsonConfig map = decoded ? JsonConfig.of(mapFile, Map.of(), "content") : readIfThere(mapFile);
      Map<String, AddedToken> names = new LinkedHashMap<>();
      for (Map.Entry<String, String> entry : SPECIAL.entrySet()) {
        String name = entry.getKey();
        boolean own = map.keys().contains(name);
        Object json = own ? map.value(name) : settings.value(name);
        if (json != null) {
          names.put(name, AddedToken.of(json, own, own ? mapFile : config));
        } else if (!entry.getValue().isEmpty()) {
          names.put(name, AddedToken.of(entry.getValue(), true));
        }
      }
      List<AddedToken> others = new ArrayList<>();
      for (String key : List.of("additional_special_tokens", "extra_special_tokens")) {
        boolean own = map.keys().contains(key);
        for (Object token : listOrEmpty(own ? map.value(key) : settings.value(key))) {
          others.add(AddedToken.of(token, true, own ? mapFile : config));
        }
      }
      Specials result = new Specials(new TreeMap<>(), names, others);
      if (decoded) {
        result.addDecoder(JsonConfig.of(config, settings.value(DECODER), DECODER));
      } else {
        result.addLegacy(folder.resolve("added_tokens.json"));
        if (tokenizer != null) {
          result.addAll(tokenizer.value("added_tokens"), tokenizerFile);
        }
      }
      return result;
    }

    private void addDecoder(JsonConfig decoder) throws IOException {
      for (String id : decoder.keys()) {
        AddedToken token = AddedToken.of(decoder.value(id), false, decoder.path());
        try {
          numbered.put(Integer.valueOf(id), token);
        } catch (NumberFormatException e) {
          throw new InvalidCheckpointException(
              decoder.path(), "keys of added_tokens_decoder must be ids, was " + id);
        }
      }
    }

    private void addLegacy(Path file) throws IOException {
      JsonConfig tokens = readIfThere(file);
      for (String token : tokens.keys()) {
        boolean special = unnumbered().stream().anyMatch(t -> t.content().equals(token));
        numbered.put(tokens.requireInt(token), AddedToken.of(token, special));
      }
    }

    private void addAll(@Nullable Object tokens, Path file) throws IOException {
      if (!(tokens instanceof List<?> list)) {
        throw new InvalidCheckpointException(
            file, "added_tokens must be a JSON array, was " + tokens);
      }
      for (Object token : list) {
        JsonConfig fields = JsonConfig.of(file, token, "added token");
        numbered.put(fields.requireInt("id"), AddedToken.of(token, false, file));
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
