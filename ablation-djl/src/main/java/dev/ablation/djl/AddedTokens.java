package dev.ablation.djl;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.djl.clip.ClipTextConfig;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.clip.ClipTokenizer;
import dev.ablation.djl.embedding.TextualInversion;
import dev.ablation.djl.internal.pipeline.KeptFiles;
import dev.ablation.djl.internal.pipeline.Network;
import dev.ablation.djl.internal.pipeline.Opening;
import dev.ablation.djl.load.InvalidCheckpointException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Tokens of textual inversion in a model that is being opened: ids at the end of the vocabulary,
 * rows at the end of the table, and both in the files that an export writes.
 */
final class AddedTokens {
  private final List<String> tokens = new ArrayList<>();
  private final List<float[]> vectors = new ArrayList<>();

  private AddedTokens() {}

  /**
   * Opens a tokenizer and extends the table of its text encoder.
   *
   * @param opening the tokenizer is closed if it fails
   * @param files folder of the tokenizer
   * @param component its key in the index
   * @param text its text encoder, built and not yet filled
   * @param config of the text encoder
   * @param textEncoder which text encoder it is, of how many
   */
  static ClipTokenizer open(
      Opening opening,
      Path files,
      String component,
      Network<?, ClipTextModel> text,
      ClipTextConfig config,
      int[] textEncoder)
      throws IOException {
    AddedTokens added = new AddedTokens();
    for (TextualInversion each : opening.options().textualInversions()) {
      if (each.textEncoders() != textEncoder[1]) {
        throw new InvalidCheckpointException(
            opening.path(),
            ("the model has %d text encoders; %s is for a model with %d (Stable Diffusion 1.x and"
                    + " 2.x have one, XL has two)")
                .formatted(textEncoder[1], each, each.textEncoders()));
      }
      float[][] rows = each.vectors(textEncoder[0]);
      if (rows[0].length != config.hiddenSize()) {
        throw new InvalidCheckpointException(
            opening.path(),
            ("vectors of token '%s' must have %d numbers, as the %s has, have %d; they are for"
                    + " another version of Stable Diffusion (1.x has 768, 2.x has 1024)")
                .formatted(each.token(), config.hiddenSize(), text.name(), rows[0].length));
      }
      added.tokens.addAll(each.tokens());
      added.vectors.addAll(List.of(rows));
    }
    ClipTokenizer tokenizer = ClipTokenizer.load(files, config, opening.path(), added.tokens);
    opening.onFailure(tokenizer::close);
    if (!added.tokens.isEmpty()) {
      text.layer().addTokens(added.vectors.toArray(new float[0][]));
      added.keep(opening.keptFiles(), component, text.name(), config.vocabularySize());
    }
    return tokenizer;
  }

  /** Changes the small files as transformers writes them for such a tokenizer. */
  private void keep(KeptFiles kept, String tokenizer, String textEncoder, int firstId) {
    kept.edit(
        textEncoder + "/config.json",
        json -> json.addProperty("vocab_size", firstId + tokens.size()));
    kept.edit(
        tokenizer + "/tokenizer.json",
        json -> {
          JsonArray list = json.getAsJsonArray("added_tokens");
          for (int i = 0; i < tokens.size(); i++) {
            JsonObject token = token(tokens.get(i));
            token.addProperty("id", firstId + i);
            list.add(token);
          }
        });
    kept.edit(
        tokenizer + "/tokenizer_config.json",
        json -> {
          if (json.get("added_tokens_decoder") instanceof JsonObject decoder) {
            for (int i = 0; i < tokens.size(); i++) {
              decoder.add(Integer.toString(firstId + i), token(tokens.get(i)));
            }
          }
        });
    kept.editOrCreate(
        tokenizer + "/added_tokens.json",
        json -> {
          for (int i = 0; i < tokens.size(); i++) {
            json.addProperty(tokens.get(i), firstId + i);
          }
        });
  }

  private static JsonObject token(String content) {
    JsonObject token = new JsonObject();
    token.addProperty("content", content);
    token.addProperty("lstrip", false);
    token.addProperty("normalized", true);
    token.addProperty("rstrip", false);
    token.addProperty("single_word", false);
    token.addProperty("special", false);
    return token;
  }
}
