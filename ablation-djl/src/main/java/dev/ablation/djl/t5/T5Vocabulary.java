package dev.ablation.djl.t5;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * What a tokenizer folder says, checked.
 *
 * @param json content of a {@code tokenizer.json}, of the parts that are used
 * @param size number of tokens, added ones included
 * @param endId id of the token after every prompt
 * @param padId id of the token that fills the context
 */
record T5Vocabulary(String json, int size, int endId, int padId) {
  private static final String END = "</s>";
  private static final String PAD = "<pad>";

  static T5Vocabulary read(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new NotDirectoryException(folder.toString());
    }
    Path whole = folder.resolve("tokenizer.json");
    Path pieces = folder.resolve("spiece.model");
    if (Files.exists(whole)) {
      return of(TextFile.read(whole), whole);
    }
    if (Files.exists(pieces)) {
      return of(SentencePieceFile.read(pieces).toTokenizerJson(), pieces);
    }
    throw new NoSuchFileException(
        whole.toString(), null, "the folder of a T5 tokenizer has it, or spiece.model");
  }

  private static T5Vocabulary of(String json, Path file) throws IOException {
    Map<String, Integer> ids = new HashMap<>();
    JsonObject parts;
    try {
      parts = TokenizerParts.of(JsonParser.parseString(json).getAsJsonObject());
    } catch (JsonParseException | IllegalArgumentException | IllegalStateException e) {
      throw new IOException(file + ": not a tokenizer of T5: " + e.getMessage(), e);
    }
    JsonArray vocabulary = parts.getAsJsonObject("model").getAsJsonArray("vocab");
    for (int id = 0; id < vocabulary.size(); id++) {
      ids.put(vocabulary.get(id).getAsJsonArray().get(0).getAsString(), id);
    }
    for (JsonElement element : parts.getAsJsonArray("added_tokens")) {
      JsonObject token = element.getAsJsonObject();
      ids.put(token.get("content").getAsString(), token.get("id").getAsInt());
    }
    int size = 1 + ids.values().stream().mapToInt(Integer::intValue).max().orElse(-1);
    return new T5Vocabulary(parts.toString(), size, id(END, ids, file), id(PAD, ids, file));
  }

  private static int id(String token, Map<String, Integer> ids, Path file) throws IOException {
    Integer id = ids.get(token);
    if (id == null) {
      throw new IOException(file + ": not a T5 tokenizer: it lacks the token " + token);
    }
    return id;
  }
}
