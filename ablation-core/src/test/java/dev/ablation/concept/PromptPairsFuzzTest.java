package dev.ablation.concept;

import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import dev.ablation.fuzz.Text;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

class PromptPairsFuzzTest extends ReaderFuzz {
  @Override
  protected Mutator mutator() {
    return new Text();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() {
    return Map.of(
        "pairs.tsv",
        List.of(
            "anchor\ttarget\na cat\ta grumpy cat\n\ncats\tgrumpy cats\n"
                .getBytes(StandardCharsets.UTF_8)),
        "pairs.jsonl",
        List.of(
            "{\"anchor\":\"a cat\",\"target\":\"a \\u0067rumpy cat\"}\n"
                .getBytes(StandardCharsets.UTF_8)));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    PromptPairs.read("cats", folder.resolve("pairs.tsv"));
    PromptPairs.read("cats", folder.resolve("pairs.jsonl"));
  }
}
