package dev.ablation.djl.clip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.GoldenModels;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Golden part B: ids and text embeddings of every prompt. */
class TextEncoderGoldenTest {
  private static final String IDS = "input_ids";
  private static final String LAST = "text_encoder.last_hidden_state";

  @TestFactory
  Stream<DynamicContainer> prompts() {
    return Golden.containers(
        Golden.pipelines(Golden.folders("B_components")), TextEncoderGoldenTest::tests);
  }

  private static Stream<DynamicNode> tests(Pipeline pipeline) throws IOException {
    String folder = "B_components/" + pipeline.name();
    TensorFile file = TensorFile.of(Golden.path(folder + "/text.safetensors"));
    List<String> prompts =
        Golden.strings(Golden.object(Golden.path(folder + "/info.json")).get("text_prompts"));
    int context = Math.toIntExact(file.shape(IDS).get(1));
    assertThat(file.shape(IDS).get(0)).isEqualTo(prompts.size()).isPositive();
    long[] ids = file.longs(IDS);
    int[][] tokens = new int[prompts.size()][];
    Map<String, Tensor> computed = new LinkedHashMap<>();
    Tensor encoded;
    try (StableDiffusion model = GoldenModels.load(pipeline);
        NDManager scope = model.manager().newSubManager()) {
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = model.tokenizer().encode(prompts.get(i));
      }
      encoded = Tensor.of(model.encode(prompts, scope).textEmbeddings());
      NDArray input = file.array(IDS, scope);
      GradMode.with(
          false,
          () -> {
            NDList out = model.textEncoder().applyAll(new NDList(input));
            computed.put(LAST, Tensor.of(out.get(0)));
            for (int i = 1; i < out.size(); i++) {
              computed.put("text_encoder.hidden." + (i - 1), Tensor.of(out.get(i)));
            }
            NDArray pooled = model.textEncoder().pooled(out.get(0), input);
            computed.put("text_encoder.pooler_output", Tensor.of(pooled));
            return out;
          });
    }

    TensorTests tests = new TensorTests(file);
    tests.inputs(IDS);
    for (int i = 0; i < prompts.size(); i++) {
      int row = i;
      List<DynamicTest> ofPrompt = new ArrayList<>();
      ofPrompt.add(
          dynamicTest(
              IDS,
              () ->
                  assertThat(Arrays.stream(tokens[row]).asLongStream().toArray())
                      .isEqualTo(Arrays.copyOfRange(ids, row * context, (row + 1) * context))));
      computed.forEach((name, tensor) ->
          ofPrompt.add(
              dynamicTest(
                  name,
                  () ->
                      Tolerance.TEXT.check(name, tensor.item(row), file.tensor(name).item(row)))));
      ofPrompt.add(
          dynamicTest(
              "the model's conditioning is " + LAST,
              () -> Tolerance.TEXT.check(LAST, encoded.item(row), file.tensor(LAST).item(row))));
      String prompt = prompts.get(i);
      String shown = prompt.length() > 60 ? prompt.substring(0, 60) + "..." : prompt;
      tests.compareAll(computed.keySet(), dynamicContainer(i + " '" + shown + "'", ofPrompt));
    }
    return tests.stream();
  }
}
