package dev.ablation.djl;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.sd3.SD3TextEncoders;
import dev.ablation.djl.sd3.SD3TextEncoders.Prompts;
import dev.ablation.djl.sd3.SD3Transformer2DModel;
import dev.ablation.djl.sd3.SD3TransformerConfig;
import dev.ablation.djl.t5.T5TextEncoder;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import java.io.IOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** Second golden set: the components of Stable Diffusion 3 and 3.5. */
class Sd3GoldenTest {
  private static final String PIPELINE = "StableDiffusion3Pipeline";
  private static final String TRANSFORMER = "SD3Transformer2DModel";
  private static final String CLIP = "CLIPTextModelWithProjection";

  private static List<Family> families() {
    return FlowGolden.families(PIPELINE);
  }

  private static FlowTransformerTests transformer(Family family) {
    return new FlowTransformerTests(
        family,
        new FlowTransformerTests.Function() {
          @Override
          public Layer open(NDManager manager) throws IOException {
            String component = family.component(TRANSFORMER);
            return FlowGolden.fill(
                new SD3Transformer2DModel(
                    SD3TransformerConfig.of(FlowGolden.config(family, component))),
                family,
                component,
                manager);
          }

          @Override
          public List<String> inputs() {
            return List.of(
                "in.sample", "in.encoder_hidden_states", "in.pooled_projections", "in.timestep");
          }

          @Override
          public NDList complete(NDList inputs, NDManager scope) {
            return inputs;
          }
        },
        Tolerance.relL2(1e-4));
  }

  @TestFactory
  Stream<DynamicContainer> transformers() {
    return FlowGolden.containers(families(), family -> transformer(family).outputs());
  }

  @TestFactory
  Stream<DynamicContainer> probes() {
    return FlowGolden.containers(families(), family -> transformer(family).probes());
  }

  @TestFactory
  Stream<DynamicContainer> gradients() {
    return FlowGolden.containers(families(), family -> transformer(family).gradients());
  }

  @TestFactory
  Stream<DynamicContainer> textEncoder() {
    return FlowGolden.containers(families(), "text_encoder", FlowTextTests.clip("text_encoder"));
  }

  @TestFactory
  Stream<DynamicContainer> textEncoder2() {
    return FlowGolden.containers(
        families(), "text_encoder_2", FlowTextTests.clip("text_encoder_2"));
  }

  @TestFactory
  Stream<DynamicContainer> autoencoder() {
    return FlowGolden.containers(families(), "vae", FlowVaeTests::of);
  }

  @TestFactory
  Stream<DynamicContainer> promptEmbeddings() {
    return FlowGolden.containers(families(), "encode_prompt", Sd3GoldenTest::promptEmbeddings);
  }

  private static Stream<DynamicNode> promptEmbeddings(Family family) throws IOException {
    TensorFile file = family.file("encode_prompt");
    JsonObject cases = Golden.object(family.data().resolve("encode_prompt.json"));
    Map<String, Tensor> computed = new LinkedHashMap<>();
    try (NDManager manager = FlowGolden.manager()) {
      List<String> clip = family.components(CLIP);
      ClipTextEncoder first = FlowGolden.clip(family, clip.get(0), manager);
      ClipTextEncoder second = FlowGolden.clip(family, clip.get(1), manager);
      T5TextEncoder third = FlowGolden.t5(family, manager);
      int width = third.model().config().width();
      for (Map.Entry<String, JsonElement> entry : cases.entrySet()) {
        String name = entry.getKey();
        JsonObject options = entry.getValue().getAsJsonObject();
        boolean withT5 = !name.startsWith("without_t5");
        SD3TextEncoders encoders = new SD3TextEncoders(first, second, withT5 ? third : null, width);
        int length = options.get("max_sequence_length").getAsInt();
        int skip = options.has("clip_skip") ? options.get("clip_skip").getAsInt() : 0;
        int count = options.getAsJsonArray("prompt").size();
        List<String> none = Collections.nCopies(count, "");
        Prompts positive = prompts(options, "prompt", none);
        Prompts negative = prompts(options, "negative_prompt", none);
        put(computed, name + ".", encoders, positive, skip, length);
        put(computed, name + ".negative_", encoders, negative, 0, length);
      }
      first.tokenizer().close();
      second.tokenizer().close();
      third.tokenizer().close();
    }
    TensorTests tests = new TensorTests(file);
    computed.forEach((name, tensor) -> tests.compare(name, FlowGolden.TEXT, () -> tensor));
    return tests.stream();
  }

  private static Prompts prompts(JsonObject options, String key, List<String> absent) {
    List<String> first = options.has(key) ? Golden.strings(options.get(key)) : absent;
    return new Prompts(
        first,
        options.has(key + "_2") ? Golden.strings(options.get(key + "_2")) : first,
        options.has(key + "_3") ? Golden.strings(options.get(key + "_3")) : first);
  }

  private static void put(
      Map<String, Tensor> computed,
      String prefix,
      SD3TextEncoders encoders,
      Prompts prompts,
      int skip,
      int length) {
    try (NDManager scope = FlowGolden.manager()) {
      NDList out = GradMode.with(false, () -> encoders.encode(prompts, skip, length, scope));
      computed.put(prefix + "prompt_embeds", Tensor.of(out.get(0)));
      computed.put(prefix + "pooled_prompt_embeds", Tensor.of(out.get(1)));
    }
  }
}
