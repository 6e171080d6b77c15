package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.clip.ClipTextEncoder;
import dev.ablation.djl.flux.FluxLatents;
import dev.ablation.djl.flux.FluxTextEncoders;
import dev.ablation.djl.flux.FluxTransformer2DModel;
import dev.ablation.djl.flux.FluxTransformerConfig;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.t5.T5TextEncoder;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** Second golden set: the components of FLUX.1. */
class FluxGoldenTest {
  private static final String TRANSFORMER = "FluxTransformer2DModel";

  private static List<Family> families() {
    return FlowGolden.families("FluxPipeline");
  }

  private static FluxTransformer2DModel open(Family family, NDManager manager) throws IOException {
    String component = family.component(TRANSFORMER);
    return FlowGolden.fill(
        new FluxTransformer2DModel(FluxTransformerConfig.of(FlowGolden.config(family, component))),
        family,
        component,
        manager);
  }

  private static FlowTransformerTests transformer(Family family) {
    return new FlowTransformerTests(
        family,
        new FlowTransformerTests.Function() {
          @Override
          public FluxTransformer2DModel open(NDManager manager) throws IOException {
            return FluxGoldenTest.open(family, manager);
          }

          @Override
          public List<String> inputs() {
            return List.of(
                "in.packed_sample",
                "in.encoder_hidden_states",
                "in.pooled_projections",
                "in.timestep",
                "in.guidance");
          }

          @Override
          public NDList complete(NDList inputs, NDManager scope) throws IOException {
            inputs.add(4, imageIds(family, inputs.get(0).getShape().get(1), scope));
            inputs.add(5, FluxLatents.textIds(inputs.get(1).getShape().get(1), scope));
            return inputs;
          }
        },
        Tolerance.relL2(2e-4));
  }

  /** The ids of the packing example where the number of tokens is its own, else of a square. */
  private static NDArray imageIds(Family family, long tokens, NDManager scope) throws IOException {
    TensorFile packing = family.file("packing");
    if (packing.shape("image_ids").get(0) == tokens) {
      return packing.array("image_ids", scope);
    }
    long side = 2 * Math.round(Math.sqrt(tokens));
    assertThat(side * side).isEqualTo(4 * tokens);
    return FluxLatents.imageIds(side, side, scope);
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
  Stream<DynamicContainer> autoencoder() {
    return FlowGolden.containers(families(), "vae", FlowVaeTests::of);
  }

  @TestFactory
  Stream<DynamicContainer> packing() {
    return FlowGolden.containers(families(), FluxGoldenTest::packing);
  }

  private static Stream<DynamicNode> packing(Family family) throws IOException {
    TensorFile file = family.file("packing");
    Map<String, Tensor> computed = new LinkedHashMap<>();
    try (NDManager manager = FlowGolden.manager()) {
      NDArray latents = file.array("in.latents", manager);
      Shape shape = latents.getShape();
      NDArray ids = FluxLatents.imageIds(shape.get(2), shape.get(3), manager);
      computed.put("image_ids", Tensor.of(ids));
      NDArray packed = FluxLatents.pack(latents);
      computed.put("packed", Tensor.of(packed));
      computed.put(
          "unpacked_again", Tensor.of(FluxLatents.unpack(packed, shape.get(2), shape.get(3))));
    }
    TensorTests tests = new TensorTests(file);
    tests.inputs("in.latents");
    computed.forEach((name, tensor) -> tests.compare(name, Tolerance.EXACT, () -> tensor));
    NDList rotations = rotations(family, file);
    Tensor cosines = Tensor.of(rotations.get(0));
    Tensor sines = Tensor.of(rotations.get(1));
    rotations.close();
    tests.compare("rope_cos", FlowGolden.PRECISE, () -> cosines);
    tests.compare("rope_sin", FlowGolden.PRECISE, () -> sines);
    return tests.stream();
  }

  private static NDList rotations(Family family, TensorFile file) throws IOException {
    NDManager manager = FlowGolden.manager();
    NDArray image = file.array("image_ids", manager);
    long text = file.shape("rope_cos").get(0) - image.getShape().get(0);
    NDList rotations = new NDList();
    open(family, manager)
        .forEachLayer((name, layer) -> {
          if (name.equals("pos_embed")) {
            NDArray ids = FluxLatents.textIds(text, manager).concat(image);
            rotations.addAll(GradMode.with(false, () -> layer.applyAll(new NDList(ids))));
          }
        });
    return rotations;
  }

  @TestFactory
  Stream<DynamicContainer> promptEmbeddings() {
    return FlowGolden.containers(families(), "encode_prompt", FluxGoldenTest::promptEmbeddings);
  }

  private static Stream<DynamicNode> promptEmbeddings(Family family) throws IOException {
    TensorFile file = family.file("encode_prompt");
    JsonObject cases = Golden.object(family.data().resolve("encode_prompt.json"));
    Map<String, Tensor> computed = new LinkedHashMap<>();
    try (NDManager manager = FlowGolden.manager()) {
      ClipTextEncoder clip = FlowGolden.clip(family, family.component("CLIPTextModel"), manager);
      T5TextEncoder t5 = FlowGolden.t5(family, manager);
      FluxTextEncoders encoders = new FluxTextEncoders(clip, t5);
      for (Map.Entry<String, JsonElement> entry : cases.entrySet()) {
        JsonObject options = entry.getValue().getAsJsonObject();
        String name = entry.getKey() + ".";
        int copies =
            options.has("num_images_per_prompt")
                ? options.get("num_images_per_prompt").getAsInt()
                : 1;
        List<String> prompts = repeated(Golden.strings(options.get("prompt")), copies);
        JsonElement second = options.get("prompt_2");
        List<String> prompts2 =
            second.isJsonNull() ? prompts : repeated(Golden.strings(second), copies);
        int length = options.get("max_sequence_length").getAsInt();
        NDList out =
            GradMode.with(false, () -> encoders.encode(prompts, prompts2, length, manager));
        computed.put(name + "prompt_embeds", Tensor.of(out.get(0)));
        computed.put(name + "pooled_prompt_embeds", Tensor.of(out.get(1)));
        if (file.names().contains(name + "text_ids")) {
          computed.put(name + "text_ids", Tensor.of(FluxLatents.textIds(length, manager)));
        }
      }
      clip.tokenizer().close();
      t5.tokenizer().close();
    }
    TensorTests tests = new TensorTests(file);
    computed.forEach((name, tensor) -> tests.compare(name, FlowGolden.TEXT, () -> tensor));
    return tests.stream();
  }

  private static List<String> repeated(List<String> prompts, int copies) {
    return prompts.stream().flatMap(prompt -> Stream.generate(() -> prompt).limit(copies)).toList();
  }
}
