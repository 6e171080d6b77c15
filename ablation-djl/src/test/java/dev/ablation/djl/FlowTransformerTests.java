package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.internal.kernel.Kernels;
import dev.ablation.djl.nn.Layer;
import dev.ablation.djl.nn.Weight;
import dev.ablation.djl.t5.T5TextEncoder;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.golden.Tolerance;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
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

/**
 * Tests that the transformers of all families have in common: outputs and activations, probes of
 * single modules, gradients.
 */
final class FlowTransformerTests {
  private static final String ACTIVATION = "act.";
  private static final String GRADIENT = "grad.";
  private static final String WEIGHT_GRADIENT = "grad.transformer.";
  private static final String INPUT = "in.";

  /** Output j of a module of several. */
  private static final Pattern INDEXED = Pattern.compile("(.+)\\.(\\d+)");

  /** Blocks, which return the text first there and the image first here. */
  private static final Pattern BLOCK = Pattern.compile("(single_)?transformer_blocks\\.\\d+");

  private static final Pattern PROBE = Pattern.compile("([^()]+)\\(([^()]+)\\)");
  private static final Pattern GELU_PROBE = Pattern.compile("gelu_tanh\\((.+)\\)");

  private final Family family;
  private final Function transformer;
  private final Tolerance tolerance;

  /** Opens the transformer and says how it is called. */
  interface Function {
    /** Opens the network. */
    Layer open(NDManager manager) throws IOException;

    /** Names of its inputs in the files; those that the files lack are left out. */
    List<String> inputs();

    /** Completes the inputs from the files. */
    NDList complete(NDList inputs, NDManager scope) throws IOException;
  }

  FlowTransformerTests(Family family, Function transformer, Tolerance tolerance) {
    this.family = family;
    this.transformer = transformer;
    this.tolerance = tolerance;
  }

  Stream<DynamicNode> outputs() throws IOException {
    try (NDManager manager = FlowGolden.manager()) {
      Layer network = transformer.open(manager);
      List<DynamicNode> nodes = new ArrayList<>();
      for (String name : List.of("transformer", "transformer_rect", "transformer_small_t")) {
        TensorFile file = family.file(name);
        Tolerance bound = name.endsWith("small_t") ? FlowGolden.PRECISE : tolerance;
        nodes.add(DynamicContainer.dynamicContainer(name, outputs(network, file, bound, manager)));
      }
      return nodes.stream();
    }
  }

  private Stream<DynamicNode> outputs(
      Layer network, TensorFile file, Tolerance bound, NDManager manager) throws IOException {
    Map<String, Output> activations = new LinkedHashMap<>();
    Set<String> layers = new LinkedHashSet<>();
    for (String name : file.names()) {
      if (name.startsWith(ACTIVATION)) {
        Output output = Output.of(name.substring(ACTIVATION.length()), network);
        activations.put(name, output);
        layers.add(output.layer());
      }
    }
    TensorTests tests = new TensorTests(file);
    tests.inputs(inputs(file).toArray(String[]::new));
    try (NDManager scope = manager.newSubManager()) {
      NDList inputs = arrays(file, scope);
      // Observed layers are not fused with what follows, so the output comes from a call of its
      // own.
      Tensor out = run(() -> network.applyAll(inputs).head());
      tests.compare("out", bound, () -> out);
      try (ObservedOutputs observed = new ObservedOutputs(network, layers)) {
        run(() -> network.applyAll(inputs).head());
        activations.forEach((name, output) ->
            tests.compare(
                name,
                bound,
                () -> likeStored(observed.output(output.layer(), output.index()), file, name)));
      }
    }
    return tests.stream();
  }

  Stream<DynamicNode> probes() throws IOException {
    TensorFile file = family.file("probe");
    TensorTests tests = new TensorTests(file);
    try (NDManager manager = FlowGolden.manager()) {
      Map<String, Layer> layers = new HashMap<>();
      transformer.open(manager).forEachLayer(layers::put);
      T5TextEncoder t5 = FlowGolden.t5(family, manager);
      t5.tokenizer().close();
      t5.model().forEachLayer((name, layer) -> layers.put("t5." + name, layer));
      for (String name : file.names()) {
        if (name.startsWith(INPUT)) {
          tests.inputs(name);
        } else {
          Tensor out = probe(name, layers, file, manager);
          tests.compare(name, FlowGolden.PRECISE, () -> out);
        }
      }
    }
    return tests.stream();
  }

  private static Tensor probe(
      String name, Map<String, Layer> layers, TensorFile file, NDManager manager)
      throws IOException {
    Matcher gelu = GELU_PROBE.matcher(name);
    boolean withGelu = gelu.matches();
    Matcher probe = PROBE.matcher(withGelu ? gelu.group(1) : name);
    assertThat(probe.matches()).as(name).isTrue();
    Layer layer = layers.get(probe.group(1));
    assertThat(layer).as(name).isNotNull();
    NDList inputs = new NDList();
    for (String input : probe.group(2).split(",")) {
      inputs.add(file.array(INPUT + input, manager));
    }
    return run(() -> {
      NDArray out = layer.applyAll(inputs).head();
      return withGelu ? Kernels.GELU_TANH.call(out) : out;
    });
  }

  Stream<DynamicNode> gradients() throws IOException {
    TensorFile file = family.file("grads");
    Map<String, Tensor> computed = new LinkedHashMap<>();
    try (NDManager manager = FlowGolden.manager()) {
      computeGradients(transformer.open(manager), file, manager, computed);
    }
    double largest = 0;
    for (String name : file.names()) {
      if (name.startsWith(GRADIENT)) {
        largest = Math.max(largest, file.tensor(name).largest());
      }
    }
    TensorTests tests = new TensorTests(file);
    tests.inputs(inputs(file).toArray(String[]::new)).inputs("in.R");
    // The loss is a sum that cancels.
    double outputs = file.shape("in.R").size();
    tests.compare("loss", Tolerance.maxAbs(1e-4 * Math.sqrt(outputs)), () -> computed.get("loss"));
    for (String name : file.names()) {
      if (name.startsWith(GRADIENT)) {
        boolean vanishes = file.tensor(name).largest() < 1e-6 * largest;
        tests.compare(
            name,
            vanishes ? Tolerance.maxAbs(1e-6 * largest) : Tolerance.relL2(5e-4),
            () -> computed.get(name));
      }
    }
    return tests.stream();
  }

  private void computeGradients(
      Layer network, TensorFile file, NDManager scope, Map<String, Tensor> computed)
      throws IOException {
    Map<String, NDArray> variables = new LinkedHashMap<>();
    NDList inputs = arrays(file, scope);
    List<String> names = inputs(file);
    for (int i = 0; i < names.size(); i++) {
      String name = GRADIENT + names.get(i).substring(INPUT.length());
      if (file.names().contains(name)) {
        variables.put(name, inputs.get(transformer.inputs().indexOf(names.get(i))));
      }
    }
    assertThat(variables).as("gradients of inputs").isNotEmpty();
    Map<String, Weight> weights = new LinkedHashMap<>();
    network.forEachWeight(weights::put);
    for (String name : file.names()) {
      if (name.startsWith(WEIGHT_GRADIENT)) {
        variables.put(name, weights.get(name.substring(WEIGHT_GRADIENT.length())).own());
      }
    }
    variables.values().forEach(variable -> variable.setRequiresGradient(true));
    NDArray factor = file.array("in.R", scope);
    GradMode.with(
        true,
        () -> {
          NDArray loss = network.applyAll(inputs).head().mul(factor).sum();
          computed.put("loss", Tensor.of(loss.reshape(new Shape(1))));
          NDList all = Kernels.GRADIENTS.callWithLists(loss, List.copyOf(variables.values()));
          int i = 0;
          for (String name : variables.keySet()) {
            computed.put(name, Tensor.of(all.get(i++)));
          }
          return loss;
        });
  }

  private List<String> inputs(TensorFile file) {
    List<String> inputs = transformer.inputs().stream().filter(file.names()::contains).toList();
    assertThat(inputs).as("inputs of " + file).isNotEmpty();
    return inputs;
  }

  private NDList arrays(TensorFile file, NDManager scope) throws IOException {
    NDList arrays = new NDList();
    for (String input : inputs(file)) {
      arrays.add(file.array(input, scope));
    }
    return transformer.complete(arrays, scope);
  }

  private record Output(String layer, int index) {
    static Output of(String name, Layer network) {
      Set<String> layers = new LinkedHashSet<>();
      network.forEachLayer((layer, ignored) -> layers.add(layer));
      if (layers.contains(name)) {
        return new Output(name, 0);
      }
      Matcher indexed = INDEXED.matcher(name);
      assertThat(indexed.matches()).as("a layer " + name).isTrue();
      int index = Integer.parseInt(indexed.group(2));
      boolean block = BLOCK.matcher(indexed.group(1)).matches();
      return new Output(indexed.group(1), block ? 1 - index : index);
    }
  }

  /** Of large activations only the first item of the batch is stored. */
  static Tensor likeStored(Tensor actual, TensorFile file, String name) {
    return file.shape(name).get(0) == 1 ? actual.first(1) : actual;
  }

  static Tensor run(Supplier<NDArray> call) {
    return GradMode.with(
        false,
        () -> {
          try (NDArray out = call.get()) {
            return Tensor.of(out);
          }
        });
  }
}
