package dev.ablation.djl.clip;

import com.google.gson.JsonObject;
import dev.ablation.djl.load.JsonConfig;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A token that is matched in the prompt before BPE.
 *
 * @param content its text
 * @param singleWord whether it is matched only as a whole word
 * @param lstrip whether it consumes the white space before it
 * @param rstrip whether it consumes the white space after it
 * @param normalized whether it is matched after normalisation, so in upper case too
 * @param special whether it is a control token rather than a word
 * @param bare whether it was given as its text alone; the reference does not take such a token for
 *     equal to one with fields
 */
record AddedToken(
    String content,
    boolean singleWord,
    boolean lstrip,
    boolean rstrip,
    boolean normalized,
    boolean special,
    boolean bare) {

  /**
   * Reads a token, which is a string or an object.
   *
   * @param json the token, as it was parsed
   * @param special what a token without the field {@code special} is
   * @param file its file, for errors
   */
  static AddedToken of(@Nullable Object json, boolean special, Path file) throws IOException {
    if (json instanceof String content) {
      return of(content, true);
    }
    JsonConfig token = JsonConfig.of(file, json, "special token");
    boolean control = token.boolOr("special", special);
    return new AddedToken(
        token.requireString("content"),
        token.boolOr("single_word", false),
        token.boolOr("lstrip", false),
        token.boolOr("rstrip", false),
        token.boolOr("normalized", !control),
        control,
        false);
  }

  static AddedToken of(String content, boolean special) {
    return new AddedToken(content, false, false, false, !special, special, true);
  }

  JsonObject toJson(int id) {
    JsonObject json = new JsonObject();
    json.addProperty("id", id);
    json.addProperty("content", content);
    json.addProperty("single_word", singleWord);
    json.addProperty("lstrip", lstrip);
    json.addProperty("rstrip", rstrip);
    json.addProperty("normalized", normalized);
    json.addProperty("special", special);
    return json;
  }
}
