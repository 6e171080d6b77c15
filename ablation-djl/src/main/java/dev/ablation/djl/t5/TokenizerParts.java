package dev.ablation.djl.t5;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Takes over the parts of a {@code tokenizer.json} that determine the ids, and checks each value.
 * The native library ends the process on files that are not exactly in its format, and would run
 * any regular expression.
 *
 * <p>The post-processor adds special tokens, and the decoder turns ids into text; neither is used.
 */
final class TokenizerParts {
  /** More than any vocabulary has. */
  static final int MOST_TOKENS = 1 << 20;

  /** Spaces that become one. */
  private static final Set<String> EXPRESSIONS = Set.of(" {2,}", "\\s+", " +");

  private static final Set<String> PLAIN_NORMALIZERS =
      Set.of("Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt");

  private static final Set<String> SCHEMES = Set.of("always", "never", "first");
  private static final List<String> FLAGS =
      List.of("single_word", "lstrip", "rstrip", "normalized", "special");

  private static final String TYPE = "type";
  private static final String CONTENT = "content";

  private TokenizerParts() {}

  /**
   * Builds a file of the same tokenizer.
   *
   * @param tokenizer the whole file
   * @return the parts that are used
   * @throws IllegalArgumentException naming the part that is not accepted
   */
  static JsonObject of(JsonObject tokenizer) {
    JsonObject json = new JsonObject();
    json.addProperty("version", "1.0");
    json.add("truncation", JsonNull.INSTANCE);
    json.add("padding", JsonNull.INSTANCE);
    json.add("added_tokens", addedTokens(tokenizer.get("added_tokens")));
    json.add("normalizer", normalizer(tokenizer.get("normalizer"), 0));
    json.add("pre_tokenizer", preTokenizer(tokenizer.get("pre_tokenizer"), 0));
    json.add("post_processor", JsonNull.INSTANCE);
    json.add("decoder", JsonNull.INSTANCE);
    json.add("model", model(object(tokenizer.get("model"), "model")));
    return json;
  }

  private static JsonObject model(JsonObject model) {
    String type = text(model, TYPE);
    if (!type.equals("Unigram")) {
      throw new IllegalArgumentException(
          "type of the model must be \"Unigram\", was \"" + type + "\"");
    }
    JsonArray vocabulary = new JsonArray();
    for (JsonElement each : array(model.get("vocab"), "vocab")) {
      JsonArray pair = array(each, "an entry of vocab");
      double score = pair.size() == 2 ? number(pair.get(1), "a score") : Double.NaN;
      if (!Double.isFinite(score)) {
        throw new IllegalArgumentException(
            "an entry of vocab must be a text and a finite number, was " + each);
      }
      JsonArray entry = new JsonArray();
      entry.add(text(pair.get(0), "a token"));
      entry.add(score);
      vocabulary.add(entry);
    }
    if (vocabulary.size() > MOST_TOKENS) {
      throw new IllegalArgumentException(
          "vocab must have at most %d tokens".formatted(MOST_TOKENS));
    }
    JsonObject json = new JsonObject();
    json.addProperty(TYPE, type);
    JsonElement unknown = model.get("unk_id");
    if (unknown == null || unknown.isJsonNull()) {
      // The native library would notice at the first character without a token.
      throw new IllegalArgumentException("it has no unknown token (unk_id)");
    }
    json.addProperty("unk_id", integer(unknown, "unk_id", vocabulary.size() - 1));
    json.add("vocab", vocabulary);
    json.addProperty("byte_fallback", flag(model, "byte_fallback", false));
    return json;
  }

  private static JsonArray addedTokens(@Nullable JsonElement tokens) {
    JsonArray added = new JsonArray();
    if (tokens == null || tokens.isJsonNull()) {
      return added;
    }
    for (JsonElement each : array(tokens, "added_tokens")) {
      JsonObject token = object(each, "an added token");
      JsonObject json = new JsonObject();
      json.addProperty("id", integer(token.get("id"), "the id of an added token", MOST_TOKENS));
      String content = text(token, CONTENT);
      if (content.isEmpty()) {
        throw new IllegalArgumentException("content of an added token must not be empty");
      }
      json.addProperty(CONTENT, content);
      FLAGS.forEach(flag -> json.addProperty(flag, flag(token, flag, false)));
      added.add(json);
    }
    return added;
  }

  private static JsonElement normalizer(@Nullable JsonElement step, int depth) {
    if (step == null || step.isJsonNull()) {
      return JsonNull.INSTANCE;
    }
    JsonObject from = object(step, "a normalizer");
    String type = text(from, TYPE);
    JsonObject json = new JsonObject();
    json.addProperty(TYPE, type);
    switch (type) {
      case "Sequence" -> json.add("normalizers", sequence(from.get("normalizers"), depth, true));
      case "Precompiled" -> {
        String table = text(from, "precompiled_charsmap");
        NormalizationTable.check(Base64.getDecoder().decode(table));
        json.addProperty("precompiled_charsmap", table);
      }
      case "Strip" -> {
        json.addProperty("strip_left", flag(from, "strip_left", true));
        json.addProperty("strip_right", flag(from, "strip_right", true));
      }
      case "Replace" -> {
        json.add("pattern", pattern(object(from.get("pattern"), "pattern")));
        json.addProperty(CONTENT, text(from, CONTENT));
      }
      case "Prepend" -> json.addProperty("prepend", text(from, "prepend"));
      default -> {
        if (!PLAIN_NORMALIZERS.contains(type)) {
          throw unknown("normalizer", type);
        }
      }
    }
    return json;
  }

  private static JsonObject pattern(JsonObject from) {
    JsonObject json = new JsonObject();
    if (from.has("String")) {
      json.addProperty("String", text(from, "String"));
      return json;
    }
    String expression = text(from, "Regex");
    if (!EXPRESSIONS.contains(expression)) {
      throw new IllegalArgumentException(
          "a regular expression must be one of %s, was '%s'"
              .formatted(new TreeSet<>(EXPRESSIONS), expression));
    }
    json.addProperty("Regex", expression);
    return json;
  }

  private static JsonElement preTokenizer(@Nullable JsonElement step, int depth) {
    if (step == null || step.isJsonNull()) {
      return JsonNull.INSTANCE;
    }
    JsonObject from = object(step, "a pre-tokenizer");
    String type = text(from, TYPE);
    JsonObject json = new JsonObject();
    json.addProperty(TYPE, type);
    switch (type) {
      case "Sequence" ->
          json.add("pretokenizers", sequence(from.get("pretokenizers"), depth, false));
      case "WhitespaceSplit" -> {}
      case "Metaspace" -> {
        String replacement = text(from, "replacement");
        if (replacement.codePointCount(0, replacement.length()) != 1) {
          throw new IllegalArgumentException(
              "replacement must be one character, was '%s'".formatted(replacement));
        }
        // Files of older versions have a flag instead of the scheme.
        String scheme =
            from.has("prepend_scheme")
                ? text(from, "prepend_scheme")
                : flag(from, "add_prefix_space", true) ? "always" : "never";
        if (!SCHEMES.contains(scheme)) {
          throw new IllegalArgumentException(
              "prepend_scheme must be one of %s, was '%s'"
                  .formatted(new TreeSet<>(SCHEMES), scheme));
        }
        json.addProperty("replacement", replacement);
        json.addProperty("prepend_scheme", scheme);
        json.addProperty("split", flag(from, "split", true));
      }
      default -> throw unknown("pre-tokenizer", type);
    }
    return json;
  }

  private static JsonArray sequence(@Nullable JsonElement steps, int depth, boolean normalizers) {
    if (depth > 0) {
      throw new IllegalArgumentException("a Sequence must not be in another one");
    }
    JsonArray json = new JsonArray();
    for (JsonElement step : array(steps, "a Sequence")) {
      JsonObject present = object(step, "a step of a Sequence");
      json.add(normalizers ? normalizer(present, depth + 1) : preTokenizer(present, depth + 1));
    }
    return json;
  }

  private static IllegalArgumentException unknown(String part, String type) {
    return new IllegalArgumentException(
        "the %s must be one that T5 has, was '%s'".formatted(part, type));
  }

  private static JsonObject object(@Nullable JsonElement json, String what) {
    if (json instanceof JsonObject object) {
      return object;
    }
    throw new IllegalArgumentException(what + " must be an object, was " + json);
  }

  private static JsonArray array(@Nullable JsonElement json, String what) {
    if (json instanceof JsonArray array) {
      return array;
    }
    throw new IllegalArgumentException(what + " must be an array, was " + json);
  }

  private static String text(JsonObject json, String key) {
    return text(json.get(key), key);
  }

  private static String text(@Nullable JsonElement json, String what) {
    if (json instanceof JsonPrimitive value && value.isString()) {
      return value.getAsString();
    }
    throw new IllegalArgumentException(what + " must be a text, was " + json);
  }

  private static double number(@Nullable JsonElement json, String what) {
    if (json instanceof JsonPrimitive value && value.isNumber()) {
      return value.getAsDouble();
    }
    throw new IllegalArgumentException(what + " must be a number, was " + json);
  }

  private static int integer(@Nullable JsonElement json, String what, int most) {
    double value = number(json, what);
    if (value != Math.rint(value) || value < 0 || value > most) {
      throw new IllegalArgumentException(
          "%s must be an integer in [0, %d], was %s".formatted(what, most, json));
    }
    return (int) value;
  }

  private static boolean flag(JsonObject json, String key, boolean otherwise) {
    JsonElement value = json.get(key);
    if (value == null || value.isJsonNull()) {
      return otherwise;
    }
    if (value instanceof JsonPrimitive primitive && primitive.isBoolean()) {
      return primitive.getAsBoolean();
    }
    throw new IllegalArgumentException(key + " must be true or false, was " + value);
  }
}
