package dev.ablation.djl.clip;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Text;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The files of a tokenizer folder, with and without tokenizer.json. */
class ClipTokenizerFuzzTest extends ReaderFuzz {
  private final Mutator json = new Json();
  private final Mutator text = new Text();

  @Override
  protected Mutator mutator() {
    return (content, random) ->
        (content.length > 0 && content[0] == '{' ? json : text).mutate(content, random);
  }

  private static List<byte[]> bytes(String... contents) {
    return List.of(contents).stream().map(each -> each.getBytes(StandardCharsets.UTF_8)).toList();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() {
    JsonObject vocabulary = new JsonObject();
    for (String token :
        List.of(
            "a",
            "b",
            "c",
            "a</w>",
            "b</w>",
            "c</w>",
            "ab",
            "ab</w>",
            "!",
            "!</w>",
            "<|startoftext|>",
            "<|endoftext|>")) {
      vocabulary.addProperty(token, vocabulary.size());
    }
    String specials =
        "{\"bos_token\":{\"content\":\"<|startoftext|>\",\"lstrip\":false,\"normalized\":true,"
            + "\"rstrip\":false,\"single_word\":false},\"eos_token\":\"<|endoftext|>\","
            + "\"unk_token\":\"<|endoftext|>\",\"pad_token\":\"!\"}";
    String whole =
        "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":10,\"content\":\"<|startoftext|>\","
            + "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":true,"
            + "\"special\":true}],\"model\":{\"type\":\"BPE\",\"end_of_word_suffix\":\"</w>\","
            + "\"vocab\":"
            + vocabulary
            + ",\"merges\":[\"a b\",[\"a\",\"b</w>\"]]}}";
    return Map.of(
        "old/vocab.json",
        bytes(new Gson().toJson(vocabulary)),
        "old/merges.txt",
        bytes("#version: 0.2\na b\na b</w>\n"),
        "old/special_tokens_map.json",
        bytes(specials),
        "old/tokenizer_config.json",
        bytes("{\"model_max_length\":77,\"tokenizer_class\":\"CLIPTokenizer\",\"errors\":\"x\"}"),
        "new/tokenizer.json",
        bytes(whole),
        "new/tokenizer_config.json",
        bytes(
            "{\"added_tokens_decoder\":{\"10\":{\"content\":\"<|startoftext|>\",\"special\":true},"
                + "\"11\":{\"content\":\"<|endoftext|>\",\"special\":true}},"
                + "\"model_max_length\":1000000000000000019884624838656}"));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    try (ClipTokenizer tokenizer = ClipTokenizer.load(folder.resolve(folderOf(damaged)), 8)) {
      tokenizer.encode("ab c! <|endoftext|> é\u0000 abcabcabc");
      tokenizer.decode(tokenizer.ids("ab"));
    }
  }
}
