package dev.ablation.evaluation;

import dev.ablation.fuzz.Json;
import dev.ablation.fuzz.Mutator;
import dev.ablation.fuzz.ReaderFuzz;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Results of evaluations, and the published file of evaluations. */
class EvaluationFuzzTest extends ReaderFuzz {
  @Override
  protected Mutator mutator() {
    return new Json();
  }

  @Override
  protected Map<String, List<byte[]>> seeds() throws IOException {
    byte[] result = EvaluationResultTest.result().toJson().getBytes(StandardCharsets.UTF_8);
    return Map.of(
        "result.json",
        List.of(result),
        "eval.json",
        List.of(
            ("{\"style\":{\"van gogh\":{\"target\":\"Van Gogh\",\"anchor\":\"painting\","
                    + "\"hard_negatives\":[\"Monet\",\"Picasso\"]}},\"object\":{\"cat\":{"
                    + "\"target\":\"grumpy cat\",\"anchor\":\"cat\",\"hard_negative\":[\"dog\"]}}}")
                .getBytes(StandardCharsets.UTF_8)));
  }

  @Override
  protected void read(Path folder, String damaged) throws IOException {
    if (damaged.equals("result.json")) {
      EvaluationResult.read(folder.resolve(damaged)).toJson();
    } else {
      PublishedEvaluation.read(folder.resolve(damaged));
    }
  }
}
