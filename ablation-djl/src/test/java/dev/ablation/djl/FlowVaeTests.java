package dev.ablation.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ablation.djl.FlowGolden.Family;
import dev.ablation.djl.internal.kernel.GradMode;
import dev.ablation.djl.nn.ModelUse;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.golden.Tensor;
import dev.ablation.golden.TensorFile;
import dev.ablation.golden.TensorTests;
import dev.ablation.model.LatentCodec;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;

/** Tests of autoencoders with a shift and without convolutions of the moments. */
final class FlowVaeTests {
  private static final String ACTIVATION = "act.";

  private FlowVaeTests() {}

  static Stream<DynamicNode> of(Family family) throws IOException {
    TensorFile file = family.file("vae");
    List<String> activations =
        file.names().stream().filter(name -> name.startsWith(ACTIVATION)).toList();
    TensorTests tests = new TensorTests(file);
    tests.inputs("in.pixel_values", "in.posterior_noise", "in.scaled_latents");
    Map<String, Tensor> computed = new LinkedHashMap<>();
    try (NDManager manager = FlowGolden.manager()) {
      AutoencoderKL vae = FlowGolden.vae(family, manager);
      LatentCodec codec = new VaeCodec(vae, new ModelUse());
      NDArray pixels = file.array("in.pixel_values", manager);
      NDArray noise = file.array("in.posterior_noise", manager);
      NDArray latents = file.array("in.scaled_latents", manager);
      GradMode.with(
          false,
          () -> {
            NDArray moments = vae.moments(pixels);
            NDList posterior = vae.posterior(moments);
            NDArray sample = posterior.get(2).mul(noise).addi(posterior.get(0));
            computed.put("moments", Tensor.of(moments));
            computed.put("mean", Tensor.of(posterior.get(0)));
            computed.put("logvar", Tensor.of(posterior.get(1)));
            computed.put("std", Tensor.of(posterior.get(2)));
            computed.put("sample", Tensor.of(sample));
            return sample;
          });
      computed.put("scaled_sample", Tensor.of(codec.encode(pixels, noise)));
      computed.put("decoded", Tensor.of(codec.decode(latents)));
      List<String> layers =
          activations.stream().map(name -> name.substring(ACTIVATION.length())).toList();
      try (ObservedOutputs observed = new ObservedOutputs(vae, layers)) {
        codec.encode(pixels, noise).close();
        codec.decode(latents).close();
        for (String name : activations) {
          Tensor output = observed.output(name.substring(ACTIVATION.length()), 0);
          computed.put(name, FlowTransformerTests.likeStored(output, file, name));
        }
      }
    }
    computed.forEach((name, tensor) -> tests.compare(name, FlowGolden.VAE, () -> tensor));
    return tests.stream();
  }
}
