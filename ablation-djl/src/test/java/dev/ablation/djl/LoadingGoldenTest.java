package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.djl.nn.Layer;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Golden part A: every weight of every model folder arrives in its place. */
class LoadingGoldenTest {
  private static final Map<String, String> IGNORED =
      Map.of("text_model.embeddings.position_ids", "the positions are known without it");

  /** How older autoencoders spell their attention. */
  private static final Map<String, String> OLD_ATTENTION =
      Map.of("query", "to_q", "key", "to_k", "value", "to_v", "proj_attn", "to_out.0");

  private static final Pattern OLD_NAME =
      Pattern.compile("(.+\\.attentions\\.\\d+)\\.(query|key|value|proj_attn)\\.(weight|bias)");

  @TestFactory
  Stream<DynamicContainer> weights() {
    return Golden.containers(
        Golden.pipelines(Golden.folders("pipelines")), LoadingGoldenTest::tests);
  }

  private static Stream<DynamicNode> tests(Pipeline pipeline) throws IOException {
    Map<String, Map<String, Tensor>> loaded = new HashMap<>();
    try (StableDiffusion model = GoldenModels.load(pipeline)) {
      loaded.put("unet", weightsOf(model.unet()));
      loaded.put("vae", weightsOf(model.vae()));
      loaded.put("text_encoder", weightsOf(model.textEncoder()));
    }
    List<DynamicNode> parts = new ArrayList<>();
    for (Map.Entry<String, Map<String, Tensor>> part : loaded.entrySet()) {
      parts.add(
          dynamicContainer(
              part.getKey(), tests(pipeline.folder().resolve(part.getKey()), part.getValue())));
    }
    return parts.stream();
  }

  private static Stream<DynamicNode> tests(Path folder, Map<String, Tensor> weights)
      throws IOException {
    List<DynamicNode> tests = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (Path path : safetensors(folder)) {
      TensorFile file = TensorFile.of(path);
      TensorTests ofFile = new TensorTests(file);
      for (String name : file.names()) {
        if (IGNORED.containsKey(name)) {
          ofFile.leaveOut(name, IGNORED.get(name));
        } else {
          String own = nameInNetwork(name, weights);
          names.add(own);
          ofFile.compare(
              name,
              Tolerance.EXACT,
              () -> {
                assertThat(weights).containsKey(own);
                // Linear maps of pixels may be stored as 1x1 convolutions: two more axes of size 1.
                return new Tensor(file.shape(name), weights.get(own).values());
              });
        }
      }
      tests.addAll(ofFile.stream().toList());
    }
    tests.add(
        dynamicTest(
            "the network has no other weight",
            () -> assertThat(weights.keySet()).containsExactlyInAnyOrderElementsOf(names)));
    return tests.stream();
  }

  /** Networks have one naming; files also have older ones. */
  private static String nameInNetwork(String name, Map<String, Tensor> weights) {
    Matcher old = OLD_NAME.matcher(name);
    if (old.matches()) {
      return old.group(1) + "." + OLD_ATTENTION.get(old.group(2)) + "." + old.group(3);
    }
    return weights.containsKey("text_model." + name) ? "text_model." + name : name;
  }

  private static List<Path> safetensors(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList();
    }
  }

  private static Map<String, Tensor> weightsOf(Layer network) {
    Map<String, Tensor> weights = new HashMap<>();
    network.forEachWeight((name, weight) -> weights.put(name, Tensor.of(weight.get())));
    return weights;
  }

  /** Pipelines that the other tests leave out are refused by name. */
  @TestFactory
  Stream<DynamicTest> leftOutPipelines() {
    return Golden.folders("pipelines").stream()
        .map(name -> new Pipeline(name, Golden.path("pipelines").resolve(name)))
        .filter(pipeline -> pipeline.className().equals(Golden.LEFT_OUT_CLASS))
        .map(pipeline ->
            dynamicTest(
                pipeline.name(),
                () ->
                    assertThatThrownBy(() -> StableDiffusion.load(pipeline.folder()))
                        .isInstanceOf(InvalidCheckpointException.class)
                        .hasMessageContaining(Golden.LEFT_OUT_CLASS)));
  }
}
