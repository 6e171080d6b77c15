package dev.ablation.djl.vae;

import static dev.ablation.golden.Tolerance.VAE;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
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
import dev.ablation.model.LatentCodec;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** Golden part B: both ways through the autoencoder, and every activation on the way. */
class VaeGoldenTest {
  private static final String ACTIVATION = "act.";
  private static final String THINNED = "act_every4th.";
  private static final int THINNED_STEP = 4;

  /** Activations that are named for what they are, not for their layer. */
  private static final Map<String, String> LAYERS =
      Map.of("encoder.out", "encoder", "decoder.out", "decoder");

  @TestFactory
  Stream<DynamicContainer> tensors() {
    return Golden.containers(
        Golden.allPipelines(Golden.folders("B_components")), VaeGoldenTest::tests);
  }

  private static Stream<DynamicNode> tests(Pipeline pipeline) throws IOException {
    TensorFile file =
        TensorFile.of(Golden.path("B_components/" + pipeline.name() + "/vae.safetensors"));
    Map<String, String> layerOf = new LinkedHashMap<>();
    for (String name : file.names()) {
      for (String prefix : List.of(ACTIVATION, THINNED)) {
        if (name.startsWith(prefix)) {
          String layer = name.substring(prefix.length());
          layerOf.put(name, LAYERS.getOrDefault(layer, layer));
        }
      }
    }
    Map<String, Tensor> computed = new LinkedHashMap<>();
    ObservedOutputs observed;
    try (DiffusionModel model = GoldenModels.open(pipeline);
        NDManager scope = model.manager().newSubManager()) {
      LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
      NDArray images = file.array("in.pixel_values", scope);
      NDArray noise = file.array("in.posterior_noise", scope);
      NDArray latents = file.array("in.scaled_latents", scope);
      GradMode.with(
          false,
          () -> {
            NDArray moments = GoldenModels.vae(model).moments(images);
            NDList posterior = GoldenModels.vae(model).posterior(moments);
            NDArray sample = posterior.get(2).mul(noise).addi(posterior.get(0));
            computed.put("moments", Tensor.of(moments));
            computed.put("mean", Tensor.of(posterior.get(0)));
            computed.put("logvar", Tensor.of(posterior.get(1)));
            computed.put("std", Tensor.of(posterior.get(2)));
            computed.put("sample", Tensor.of(sample));
            return sample;
          });
      computed.put("scaled_sample", Tensor.of(codec.encode(images, noise)));
      computed.put("decoded", Tensor.of(codec.decode(latents)));
      // Observed layers are not fused with what follows, so the outputs come from calls of their
      // own.
      try (ObservedOutputs look = new ObservedOutputs(GoldenModels.vae(model), layerOf.values())) {
        codec.encode(images, noise).close();
        codec.decode(latents).close();
        observed = look;
      }
    }

    TensorTests tests = new TensorTests(file);
    tests.inputs("in.pixel_values", "in.posterior_noise", "in.scaled_latents");
    computed.forEach((name, tensor) -> tests.compare(name, VAE, () -> tensor));
    layerOf.forEach((name, layer) ->
        tests.compare(
            name,
            Tolerance.VAE_INSIDE,
            () -> {
              Tensor first = observed.output(layer, 0).first(1);
              return name.startsWith(THINNED) ? first.every(THINNED_STEP) : first;
            }));
    return tests.stream();
  }
}
