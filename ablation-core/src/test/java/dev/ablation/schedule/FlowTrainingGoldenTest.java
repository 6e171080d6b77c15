package dev.ablation.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ablation.golden.Golden;
import dev.ablation.golden.Golden2;
import dev.ablation.golden.TensorFile;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Compares training times and noised latents of flow matching with published training code. */
class FlowTrainingGoldenTest {
  private final NDManager manager = NDManager.newBaseManager(Golden.device(), "PyTorch");

  @AfterEach
  void free() {
    manager.close();
  }

  @ParameterizedTest
  @CsvSource({
    "sd3, 3, logit_normal, normal_draw",
    "sd3, 3, uniform, uniform_draw",
    "flux-dev, 1, logit_normal, normal_draw",
    "flux-dev, 1, uniform, uniform_draw"
  })
  void trainingTimesFollowFromTheDraws(String family, double shift, String kind, String draws)
      throws IOException {
    TensorFile file = TensorFile.of(Golden2.path(family + "/training/data.safetensors"));
    RectifiedFlow flow = NoiseSchedule.rectifiedFlow().shift(SigmaShift.constant(shift));
    LogitNormalSampling normal = (LogitNormalSampling) TimestepSampling.logitNormal(0, 1);
    float[] drawn = file.array("in." + draws, manager).toFloatArray();
    float[] sigmas = file.array(kind + ".sigma", manager).toFloatArray();
    float[] timesteps = file.array(kind + ".timestep", manager).toFloatArray();
    assertThat(drawn).isNotEmpty().hasSameSizeAs(sigmas);
    for (int i = 0; i < drawn.length; i++) {
      double share = kind.equals("uniform") ? drawn[i] : normal.share(drawn[i]);
      double time = flow.timeAt(share);
      assertThat(flow.sigma(time)).isCloseTo(sigmas[i], within(1e-6));
      assertThat(time).isCloseTo(timesteps[i], within(1e-3));
    }
  }

  @Test
  void latentsAreNoisedAsInTraining() throws IOException {
    TensorFile data = TensorFile.of(Golden2.path("sd3/training/data.safetensors"));
    TensorFile run = TensorFile.of(Golden2.path("sd3/training/model_text_kv_frozen.safetensors"));
    NDArray expected = run.array("step0.noisy_latents", manager);
    String rows = "0:" + expected.getShape().get(0);
    NDArray latents = data.array("latents", manager).get(0).get(rows);
    NDArray noise = data.array("in.noise", manager).get(0).get(rows);
    NDArray timesteps = data.array("logit_normal.timestep", manager).get(0).get(rows);
    NDArray noised = NoiseSchedule.rectifiedFlow().addNoise(latents, noise, timesteps);
    assertThat(noised.toFloatArray()).containsExactly(expected.toFloatArray(), within(2e-6f));
  }
}
