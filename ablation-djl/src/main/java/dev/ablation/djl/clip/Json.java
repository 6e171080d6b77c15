package dev.ablation.djl.clip;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Strict reading of a tokenizer's JSON files: errors name the file. */
final class Json {

  private Json() {}

  /** Reads a file that holds one object. */
  static JsonObject read(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(file.toString());
    }
    try (JsonReader reader =
        new JsonReader(Files.newBufferedReader(file, StandardCharsets.UTF_8))) {
      reader.setStrictness(Strictness.STRICT);
      JsonElement json = JsonParser.parseReader(reader);
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw malformed(file, "text after the JSON object");
      }
      return object(json, "content", file);
    } catch (JsonParseException | MalformedJsonException | CharacterCodingException e) {
      throw new IOException(file + ": malformed JSON: " + e.getMessage(), e);
    }
  }

  static JsonObject object(@Nullable JsonElement json, String what, Path file) throws IOException {
    if (json == null || !json.isJsonObject()) {
      throw malformed(file, what + " must be a JSON object, was " + json);
    }
    return json.getAsJsonObject();
  }

  static String string(@Nullable JsonElement json, String what, Path file) throws IOException {
    if (json == null || !isString(json)) {
      throw malformed(file, what + " must be a string, was " + json);
    }
    return json.getAsString();
  }

  static int id(JsonElement json, String token, Path file) throws IOException {
    try {
      if (json.isJsonPrimitive() && json.getAsJsonPrimitive().isNumber()) {
        return json.getAsBigDecimal().intValueExact();
      }
    } catch (ArithmeticException e) {
      throw new IOException(file + ": id of token " + token + " must be an int, was " + json, e);
    }
    throw malformed(file, "id of token " + token + " must be an int, was " + json);
  }

  static boolean flag(JsonObject object, String key, boolean absent, Path file) throws IOException {
    JsonElement json = object.get(key);
    if (json == null) {
      return absent;
    }
    if (!json.isJsonPrimitive() || !json.getAsJsonPrimitive().isBoolean()) {
      throw malformed(file, key + " must be true or false, was " + json);
    }
    return json.getAsBoolean();
  }

  static boolean isString(JsonElement json) {
    return json.isJsonPrimitive() && json.getAsJsonPrimitive().isString();
  }

  static IOException malformed(Path file, String what) {
    return new IOException(file + ": " + what);
  }
}
