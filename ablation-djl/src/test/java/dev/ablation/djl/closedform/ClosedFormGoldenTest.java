package dev.ablation.djl.closedform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.ablation.closedform.EmbeddingSums;
import dev.ablation.closedform.PromptEmbeddings;
import dev.ablation.closedform.PromptMapping;
import dev.ablation.closedform.Rece;
import dev.ablation.closedform.Rece.Adversary;
import dev.ablation.closedform.SharedFactor;
import dev.ablation.closedform.Uce;
import dev.ablation.closedform.WeightEdit;
import dev.ablation.djl.GoldenModels;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.PromptTokenizer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Golden part F of the first directory and {@code closed_form} of the second one. */
class ClosedFormGoldenTest {
  private static final Tolerance UCE = Tolerance.relL2(1e-4).andMaxAbs(3e-4);
  private static final Tolerance CLOSED_FORM = Tolerance.relL2(5e-5);
  private static final String BASE = "tiny-sd1";

  /** One entry of a file's JSON: texts and scales. */
  private record Setting(List<PromptMapping> mappings, List<String> preserved, Uce uce) {
    static Setting of(JsonObject json) {
      List<String> edits = Golden.strings(json.get("edit_concepts"));
      List<String> guides = Golden.strings(json.get("guide_concepts"));
      return new Setting(
          paired(edits, guides), Golden.strings(json.get("preserve_concepts")), scales(json));
    }
  }

  private static Uce scales(JsonObject json) {
    return Uce.defaults()
        .eraseScale(json.get("erase_scale").getAsDouble())
        .preserveScale(json.get("preserve_scale").getAsDouble())
        .ridge(json.get("lamb").getAsDouble());
  }

  private static List<PromptMapping> paired(List<String> targets, List<String> anchors) {
    assertThat(anchors).hasSameSizeAs(targets).isNotEmpty();
    List<PromptMapping> mappings = new ArrayList<>();
    for (int i = 0; i < targets.size(); i++) {
      mappings.add(new PromptMapping(targets.get(i), anchors.get(i)));
    }
    return mappings;
  }

  @TestFactory
  Stream<DynamicNode> uce() throws IOException {
    TensorFile expected = TensorFile.of(Golden.path("F_uce_esd/uce.safetensors"));
    JsonObject cases = Golden.object(Golden.path("F_uce_esd/uce.json"));
    TensorTests tests = new TensorTests(expected);
    Pipeline pipeline = new Pipeline(BASE, Golden.path("pipelines").resolve(BASE));
    List<DynamicNode> positions = new ArrayList<>();
    try (StableDiffusion model = GoldenModels.load(pipeline);
        NDManager scope = model.manager().newSubManager()) {
      NDList weights = keysAndValues(unet(BASE), scope);
      PromptTokenizer tokenizer = model.capability(PromptTokenizer.class).orElseThrow();
      for (Map.Entry<String, JsonElement> entry : cases.entrySet()) {
        JsonObject json = entry.getValue().getAsJsonObject();
        Setting setting = Setting.of(json);
        EmbeddingSums sums =
            PromptEmbeddings.of(model).batch(2).lastTokens(setting.mappings, setting.preserved);
        SharedFactor edit = setting.uce.replace(sums);
        compare(tests, entry.getKey() + ".", UCE, applied(edit, weights));
        positions.add(positions(entry.getKey(), json, tokenizer));
      }
    }
    return Stream.concat(positions.stream(), tests.stream());
  }

  private static DynamicTest positions(String name, JsonObject json, PromptTokenizer tokenizer) {
    Map<String, Integer> actual = new LinkedHashMap<>();
    Map<String, Integer> expected = new LinkedHashMap<>();
    json.getAsJsonObject("token_position_used")
        .entrySet()
        .forEach(position -> {
          actual.put(position.getKey(), tokenizer.tokens(position.getKey()).ids().size());
          expected.put(position.getKey(), position.getValue().getAsInt());
        });
    return dynamicTest(name + ": positions", () -> assertThat(actual).isEqualTo(expected));
  }

  @TestFactory
  Stream<DynamicNode> uceOfStableDiffusionXl() throws IOException {
    TensorFile expected = TensorFile.of(Golden.second("closed_form/sdxl_uce.safetensors"));
    JsonObject cases = Golden.object(Golden.second("closed_form/sdxl_uce.json"));
    TensorTests tests = new TensorTests(expected);
    try (NDManager scope = NDManager.newBaseManager(Golden.device(), "PyTorch")) {
      NDList weights = keysAndValues(unet("tiny-sdxl"), scope);
      for (Map.Entry<String, JsonElement> entry : cases.entrySet()) {
        Setting setting = Setting.of(entry.getValue().getAsJsonObject());
        String prefix = entry.getKey() + ".";
        EmbeddingSums sums = stored(expected, prefix + "embedding.", setting, tests, scope);
        compare(tests, prefix, CLOSED_FORM, applied(setting.uce.replace(sums), weights));
      }
    }
    return tests.stream();
  }

  @TestFactory
  Stream<DynamicNode> uceOfFlux() throws IOException {
    TensorFile expected = TensorFile.of(Golden.second("closed_form/flux_uce.safetensors"));
    Setting setting = Setting.of(Golden.object(Golden.second("closed_form/flux_uce.json")));
    TensorFile transformer =
        TensorFile.of(
            Golden.second(
                "pipelines/tiny-flux-dev/transformer/diffusion_pytorch_model.safetensors"));
    TensorTests tests = new TensorTests(expected);
    String plain = "without_bias.";
    try (NDManager scope = NDManager.newBaseManager(Golden.device(), "PyTorch")) {
      for (String name : expected.names().stream().filter(n -> n.startsWith(plain)).toList()) {
        String weightName = name.substring(plain.length());
        String layer = weightName.substring(0, weightName.length() - ".weight".length());
        NDArray weight = transformer.array(weightName, scope);
        NDArray bias = transformer.array(layer + ".bias", scope);
        EmbeddingSums sums = stored(expected, "embedding." + layer + ".", setting, tests, scope);
        Tensor edited =
            Tensor.of(setting.uce.replace(sums).apply(new NDList(weight), scope).get(0));
        Tensor withBias = Tensor.of(setting.uce.replaceWithBias(sums, weight, bias, scope));
        tests.compare(name, CLOSED_FORM, () -> edited);
        tests.compare("as_coded." + weightName, CLOSED_FORM, () -> withBias);
      }
    }
    return tests.stream();
  }

  @TestFactory
  Stream<DynamicNode> rece() throws IOException {
    TensorFile expected = TensorFile.of(Golden.second("closed_form/rece.safetensors"));
    JsonObject json = Golden.object(Golden.second("closed_form/rece.json"));
    TensorTests tests = new TensorTests(expected);
    Pipeline pipeline = new Pipeline(BASE, Golden.path("pipelines").resolve(BASE));
    try (StableDiffusion model = GoldenModels.load(pipeline);
        NDManager scope = model.manager().newSubManager()) {
      new ReceCase(json, expected, model, keysAndValues(unet(BASE), scope), tests, scope).addAll();
    }
    return tests.stream();
  }

  /** The values of {@code rece.safetensors}. */
  private static final class ReceCase {
    private final JsonObject json;
    private final TensorFile expected;
    private final NDList weights;
    private final TensorTests tests;
    private final NDManager scope;
    private final StableDiffusion model;
    private final List<PromptMapping> mappings;
    private final List<String> retained;
    private final Rece rece;

    ReceCase(
        JsonObject json,
        TensorFile expected,
        StableDiffusion model,
        NDList weights,
        TensorTests tests,
        NDManager scope) {
      this.json = json;
      this.expected = expected;
      this.model = model;
      this.weights = weights;
      this.tests = tests;
      this.scope = scope;
      mappings = paired(Golden.strings(json.get("concepts")), Golden.strings(json.get("guide")));
      retained =
          Golden.strings(json.get("retain")).stream()
              .flatMap(text -> Collections.nCopies(mappings.size(), text).stream())
              .toList();
      rece =
          Rece.defaults()
              .rounds(json.get("rounds").getAsInt())
              .regularization(json.get("regular_scale").getAsDouble())
              .edit(scales(json.getAsJsonObject("edit")));
    }

    void addAll() {
      PromptEmbeddings embeddings = PromptEmbeddings.of(model);
      SharedFactor start =
          scales(json.getAsJsonObject("uce"))
              .replace(embeddings.subjectRows(mappings, Golden.strings(json.get("keep_uce"))));
      NDList first = applied(start, weights);
      compare(tests, "after_uce.", CLOSED_FORM, first);
      Tensor square = moment(first, first);
      tests.compare("after_uce.sum_wt_w", CLOSED_FORM, () -> square);
      Tensor crossed = moment(first, weights);
      tests.compare("after_uce.sum_wt_w0", CLOSED_FORM, () -> crossed);
      adversaries(start);

      List<SharedFactor> edits =
          rece.edits(weights, start, embeddings.sequences(mappings, retained));
      SharedFactor current = start;
      for (int round = 1; round <= edits.size(); round++) {
        String prefix = "round" + round + ".";
        for (int i = 0; i < mappings.size(); i++) {
          Tensor found = Tensor.of(adversarial(Adversary.REGZERO, current, i));
          tests.compare(prefix + "adversarial." + i, CLOSED_FORM, () -> found);
        }
        current = edits.get(round - 1);
        compare(tests, prefix, CLOSED_FORM, applied(current, weights));
      }
      tensorTechnique(start, first);
    }

    private void adversaries(SharedFactor start) {
      Tensor concept = Tensor.of(encoded(mappings.get(0).target()));
      tests.compare("concept_embedding", Tolerance.TEXT, () -> concept);
      Map<String, Adversary> names =
          Map.of(
              "regzero", Adversary.REGZERO,
              "surrogate_1st", Adversary.SURROGATE_1ST,
              "surrogate_2nd", Adversary.SURROGATE_2ND,
              "surrogate_both", Adversary.SURROGATE_BOTH);
      names.forEach((name, adversary) -> {
        Tensor found = Tensor.of(adversarial(adversary, start, 0));
        tests.compare("adversarial." + name, CLOSED_FORM, () -> found);
      });
      NDArray old = encoded(json.get("old_target").getAsString());
      Tensor standard =
          Tensor.of(
              rece.adversarial(weights, start, encoded(mappings.get(0).target()), old, scope));
      tests.compare("adversarial.standard", CLOSED_FORM, () -> standard);
    }

    private void tensorTechnique(SharedFactor start, NDList first) {
      EmbeddingSums found = EmbeddingSums.of(start.width());
      for (int i = 0; i < mappings.size(); i++) {
        NDArray anchor = encoded(mappings.get(i).anchor()).expandDims(0);
        found.erase(
            List.of(mappings.get(i)),
            adversarial(Adversary.REGZERO, start, i).expandDims(0),
            anchor);
      }
      for (String text : retained) {
        found.preserve(List.of(text), encoded(text).expandDims(0));
      }
      String prefix = "tensor_technique.round1.";
      NDList some = new NDList();
      first.stream()
          .filter(w -> expected.names().contains(prefix + w.getName()))
          .forEach(some::add);
      assertThat(some).isNotEmpty();
      compare(tests, prefix, CLOSED_FORM, applied(rece.edit().tensor(found), some));
    }

    private NDArray adversarial(Adversary adversary, SharedFactor current, int index) {
      NDArray concept = encoded(mappings.get(index).target());
      return rece.adversary(adversary).adversarial(weights, current, concept, scope);
    }

    private NDArray encoded(String text) {
      return model.encode(List.of(text), scope).textEmbeddings().get(0);
    }
  }

  /** Sums of embeddings that the file itself has. */
  private static EmbeddingSums stored(
      TensorFile file, String prefix, Setting setting, TensorTests tests, NDManager scope)
      throws IOException {
    List<String> targets = setting.mappings.stream().map(PromptMapping::target).toList();
    List<String> anchors = setting.mappings.stream().map(PromptMapping::anchor).toList();
    NDArray first = rows(file, prefix, targets, tests, scope);
    EmbeddingSums sums = EmbeddingSums.of(Math.toIntExact(first.getShape().get(2)));
    sums.erase(setting.mappings, first, rows(file, prefix, anchors, tests, scope));
    if (!setting.preserved.isEmpty()) {
      sums.preserve(setting.preserved, rows(file, prefix, setting.preserved, tests, scope));
    }
    return sums;
  }

  private static NDArray rows(
      TensorFile file, String prefix, List<String> texts, TensorTests tests, NDManager scope)
      throws IOException {
    NDList rows = new NDList();
    for (String text : texts) {
      tests.inputs(prefix + text);
      rows.add(file.array(prefix + text, scope));
    }
    return NDArrays.stack(rows).expandDims(1);
  }

  private static TensorFile unet(String pipeline) throws IOException {
    return TensorFile.of(
        Golden.path("pipelines/" + pipeline + "/unet/diffusion_pytorch_model.safetensors"));
  }

  /** Returns every key and value of cross-attention. */
  private static NDList keysAndValues(TensorFile unet, NDManager scope) throws IOException {
    NDList weights = new NDList();
    for (String name : unet.names()) {
      if (name.contains("attn2.to_k") || name.contains("attn2.to_v")) {
        NDArray weight = unet.array(name, scope);
        weight.setName(name);
        weights.add(weight);
      }
    }
    assertThat(weights).isNotEmpty();
    return weights;
  }

  private static NDList applied(WeightEdit edit, NDList weights) {
    NDList edited = edit.apply(weights, weights.head().getManager());
    for (int i = 0; i < weights.size(); i++) {
      edited.get(i).setName(weights.get(i).getName());
    }
    return edited;
  }

  private static void compare(
      TensorTests tests, String prefix, Tolerance tolerance, NDList edited) {
    for (NDArray weight : edited) {
      Tensor actual = Tensor.of(weight);
      tests.compare(prefix + weight.getName(), tolerance, () -> actual);
    }
  }

  /** Σ aᵀ b. */
  private static Tensor moment(NDList a, NDList b) {
    NDArray sum = a.get(0).transpose().matMul(b.get(0));
    for (int i = 1; i < a.size(); i++) {
      sum = sum.add(a.get(i).transpose().matMul(b.get(i)));
    }
    return Tensor.of(sum);
  }
}
