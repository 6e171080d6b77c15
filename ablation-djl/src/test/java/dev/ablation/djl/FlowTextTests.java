package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.FlowGolden.FamilyTests;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.clip.ClipTextModel;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;

/** Tests of CLIP text encoders, with and without projection: ids, hidden states, pooled outputs. */
final class FlowTextTests {
  private static final String IDS = "in.input_ids";

  private FlowTextTests() {}

  static FamilyTests clip(String component) {
    return family -> tests(family, component);
  }

  private static Stream<DynamicNode> tests(Family family, String component) throws IOException {
    TensorFile file = family.file(component);
    List<String> prompts =
        Golden.strings(Golden.object(family.data().resolve("text.json")).get("prompts"));
    Map<String, Tensor> computed = new LinkedHashMap<>();
    long[] ids;
    try (NDManager manager = FlowGolden.manager()) {
      ClipTextEncoder encoder = FlowGolden.clip(family, component, manager);
      ids =
          prompts.stream()
              .flatMapToInt(prompt -> Arrays.stream(encoder.tokenizer().encode(prompt)))
              .asLongStream()
              .toArray();
      encoder.tokenizer().close();
      NDArray input = file.array(IDS, manager);
      GradMode.with(
          false,
          () -> {
            compute(encoder.model(), input, computed);
            return input;
          });
    }
    TensorTests tests = new TensorTests(file);
    tests.compareAll(
        List.of(IDS), dynamicTest(IDS, () -> assertThat(ids).isEqualTo(file.longs(IDS))));
    computed.forEach((name, tensor) -> tests.compare(name, FlowGolden.TEXT, () -> tensor));
    return tests.stream();
  }

  private static void compute(ClipTextModel model, NDArray ids, Map<String, Tensor> computed) {
    NDList out = model.applyAll(new NDList(ids));
    computed.put("last_hidden_state", Tensor.of(out.get(0)));
    for (int i = 1; i < out.size(); i++) {
      computed.put("hidden." + (i - 1), Tensor.of(out.get(i)));
    }
    if (model.hasProjection()) {
      computed.put("text_embeds", Tensor.of(model.textEmbeds(out.get(0), ids)));
    } else {
      computed.put("pooler_output", Tensor.of(model.pooled(out.get(0), ids)));
    }
  }
}
