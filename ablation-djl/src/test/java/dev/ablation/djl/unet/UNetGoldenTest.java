package dev.ablation.djl.unet;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.GoldenModels;
import dev.ablation.djl.ObservedOutputs;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden.Pipeline;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import dev.ablation.model.DiffusionModel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** Golden part B: the UNet's outputs and every activation on the way. */
class UNetGoldenTest {
  private static final String ACTIVATION = "act.";

  /** Skip connection j of a block: output j + 1 of the layer, whose output 0 is its result. */
  private static final Pattern SKIP = Pattern.compile("(.+)\\.res\\.(\\d+)");

  @TestFactory
  Stream<DynamicContainer> tensors() {
    return Golden.containers(
        Golden.allPipelines(Golden.folders("B_components")), UNetGoldenTest::tests);
  }

  private record Output(String layer, int index) {
    static Output of(String name) {
      Matcher skip = SKIP.matcher(name);
      return skip.matches()
          ? new Output(skip.group(1), Integer.parseInt(skip.group(2)) + 1)
          : new Output(name, 0);
    }
  }

  private static Stream<DynamicNode> tests(Pipeline pipeline) throws IOException {
    TensorFile file =
        TensorFile.of(Golden.path("B_components/" + pipeline.name() + "/unet.safetensors"));
    Map<String, Output> activations = new LinkedHashMap<>();
    Set<String> layers = new LinkedHashSet<>();
    for (String name : file.names()) {
      if (name.startsWith(ACTIVATION)) {
        Output output = Output.of(name.substring(ACTIVATION.length()));
        activations.put(name, output);
        layers.add(output.layer());
      }
    }
    Tensor out;
    Tensor rectangular;
    ObservedOutputs observed;
    try (DiffusionModel model = GoldenModels.open(pipeline);
        NDManager scope = model.manager().newSubManager()) {
      UNet2DConditionModel unet = GoldenModels.unet(model);
      List<NDArray> conditions = new ArrayList<>();
      for (String name : conditionsOf(file)) {
        conditions.add(file.array(name, scope));
      }
      NDArray sample = file.array("in.sample", scope);
      NDArray timestep = file.array("in.timestep", scope);
      // Observed layers are not fused with what follows, so the output comes from a call of its
      // own.
      out = run(() -> apply(unet, sample, timestep, conditions));
      try (ObservedOutputs look = new ObservedOutputs(unet, layers)) {
        run(() -> apply(unet, sample, timestep, conditions));
        observed = look;
      }
      NDArray wide = file.array("rect.in.sample", scope);
      NDArray equal = file.array("rect.in.timestep", scope);
      rectangular = run(() -> apply(unet, wide, equal, conditions));
    }

    TensorTests tests = new TensorTests(file);
    tests.inputs("in.sample", "in.timestep", "rect.in.sample", "rect.in.timestep");
    tests.inputs(conditionsOf(file).toArray(String[]::new));
    tests.compare("out", Tolerance.UNET, () -> out);
    tests.compare("rect.out", Tolerance.UNET, () -> rectangular);
    activations.forEach((name, output) ->
        tests.compare(
            name,
            output.layer().equals("time_proj") ? Tolerance.TIME_FEATURES : Tolerance.UNET,
            () -> likeStored(observed.output(output.layer(), output.index()), file, name)));
    return tests.stream();
  }

  /** The text embeddings and, of SDXL, what is added to the time embedding. */
  private static List<String> conditionsOf(TensorFile file) {
    String text = "in.encoder_hidden_states";
    return file.names().contains("in.time_ids")
        ? List.of(text, "in.text_embeds", "in.time_ids")
        : List.of(text);
  }

  private static NDArray apply(
      UNet2DConditionModel unet, NDArray sample, NDArray timestep, List<NDArray> conditions) {
    List<NDArray> inputs = new ArrayList<>(List.of(sample, timestep));
    inputs.addAll(conditions);
    return unet.apply(inputs.toArray(NDArray[]::new));
  }

  /** Of large activations only the first item of the batch is stored. */
  private static Tensor likeStored(Tensor actual, TensorFile file, String name) {
    return file.shape(name).get(0) == 1 ? actual.first(1) : actual;
  }

  private static Tensor run(Supplier<NDArray> call) {
    return GradMode.with(
        false,
        () -> {
          try (NDArray out = call.get()) {
            return Tensor.of(out);
          }
        });
  }
}
