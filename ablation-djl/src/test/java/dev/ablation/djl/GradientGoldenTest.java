package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Weights;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/**
 * Golden part B: gradients of L = sum(R * UNet(sample, timestep, text embeddings of the prompts)),
 * with plain attention and with a start token that carries none.
 */
class GradientGoldenTest {
  /** Prefix of the tensors' names: whether key and value of the start token are cut off. */
  private static final Map<String, Boolean> VARIANTS = Map.of("std", false, "detach", true);

  /** Weights of the text encoders by the ends of the tensors' names. */
  private static final Map<String, String> TEXT_WEIGHTS =
      Map.of(
          ".token_embedding", ".text_model.embeddings.token_embedding.weight",
          ".text_projection", ".text_projection.weight");

  @TestFactory
  Stream<DynamicContainer> tensors() {
    return Golden.containers(
        Golden.allPipelines(Golden.folders("B_components")), GradientGoldenTest::tests);
  }

  private static Stream<DynamicNode> tests(Pipeline pipeline) throws IOException {
    String folder = "B_components/" + pipeline.name();
    TensorFile file = TensorFile.of(Golden.path(folder + "/grads.safetensors"));
    TensorFile inputs = TensorFile.of(Golden.path(folder + "/unet.safetensors"));
    List<String> prompts =
        Golden.strings(Golden.object(Golden.path(folder + "/info.json")).get("prompts"));
    TensorTests tests = new TensorTests(file);
    tests.inputs("R");
    try (DiffusionModel model = GoldenModels.open(pipeline)) {
      for (Map.Entry<String, Boolean> variant : VARIANTS.entrySet()) {
        String prefix = variant.getKey();
        String gradient = prefix + ".grad.";
        List<String> names =
            file.names().stream()
                .filter(name -> name.startsWith(gradient))
                .map(name -> name.substring(gradient.length()))
                .toList();
        Computation computation = new Computation(model, prompts, names);
        computation.run(file, inputs, variant.getValue());
        tests.compare(prefix + ".loss", Tolerance.GRADIENT, () -> computation.loss());
        for (String name : names) {
          tests.compare(gradient + name, Tolerance.GRADIENT, () -> computation.gradients.get(name));
        }
      }
    }
    return tests.stream();
  }

  private static final class Computation {
    private final DiffusionModel model;
    private final List<String> prompts;
    private final List<String> names;
    private final Map<String, Tensor> gradients = new LinkedHashMap<>();
    private final List<Tensor> losses = new ArrayList<>();

    Computation(DiffusionModel model, List<String> prompts, List<String> names) {
      this.model = model;
      this.prompts = prompts;
      this.names = names;
    }

    Tensor loss() {
      return losses.get(0);
    }

    void run(TensorFile file, TensorFile inputs, boolean stopStartToken) throws IOException {
      Weights weights = model.weights();
      try (NDManager scope = model.manager().newSubManager()) {
        NDArray factor = file.array("R", scope);
        NDArray timestep = inputs.array("in.timestep", scope);
        NDArray sample = inputs.array("in.sample", scope);
        sample.setRequiresGradient(true);
        NDArray sizes =
            inputs.names().contains("in.time_ids") ? inputs.array("in.time_ids", scope) : null;
        Map<String, NDArray> variables = new LinkedHashMap<>();
        for (String name : names) {
          if (name.equals("sample")) {
            variables.put(name, sample);
          } else if (!name.equals("encoder_hidden_states")) {
            NDArray copy = weights.get(weightName(name)).duplicate();
            copy.attach(scope);
            copy.setRequiresGradient(true);
            weights.bind(weightName(name), copy);
            variables.put(name, copy);
          }
        }
        GoldenModels.unet(model).stopStartToken(stopStartToken);
        GradMode.with(
            true,
            () -> {
              Conditioning encoded = model.encode(prompts, scope);
              Conditioning text =
                  sizes == null ? encoded : encoded.with(Conditioning.TIME_IDS, sizes);
              if (names.contains("encoder_hidden_states")) {
                variables.put("encoder_hidden_states", text.textEmbeddings());
              }
              NDArray loss = model.predict(sample, timestep, text).mul(factor).sum();
              losses.add(Tensor.of(loss.reshape(new Shape(1))));
              NDList all = Kernels.GRADIENTS.callWithLists(loss, List.copyOf(variables.values()));
              int i = 0;
              for (String name : variables.keySet()) {
                gradients.put(name, Tensor.of(all.get(i++)));
              }
              return loss;
            });
      } finally {
        GoldenModels.unet(model).stopStartToken(false);
        for (String name : names) {
          if (!name.equals("sample") && !name.equals("encoder_hidden_states")) {
            weights.bind(weightName(name), null);
          }
        }
      }
    }

    private static String weightName(String name) {
      int end = name.lastIndexOf('.');
      String weight = end < 0 ? null : TEXT_WEIGHTS.get(name.substring(end));
      return weight == null ? name : name.substring(0, end) + weight;
    }
  }
}
