package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.Ablation;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.checkpoint.CheckpointMismatchException;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.concept.Concept;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.load.WeightDtype;
import dev.ablation.djl.nn.HalfPrecisionException;
import dev.ablation.djl.nn.Precision;
import dev.ablation.djl.vae.AutoencoderKL;
import dev.ablation.golden.Golden;
import dev.ablation.model.Conditioning;
import dev.ablation.model.Differentiable;
import dev.ablation.model.Differentiable.GradientOptions;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.InputDifferentiable;
import dev.ablation.model.LatentCodec;
import dev.ablation.model.Lora;
import dev.ablation.model.LoraTraining;
import dev.ablation.model.TrainingSession;
import dev.ablation.model.TrainingSession.Gradients;
import dev.ablation.model.WeightGroup;
import dev.ablation.random.RandomStreams;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What the options that save memory leave the same, for a pipeline of each family. */
class MemoryOptionsTest {
  private static final List<String> PROMPTS = List.of("a cat", "a dog");
  private static final LoadOptions OPTIONS =
      LoadOptions.defaults().device(Golden.device()).threads(1);

  /**
   * Distance of an image in tiles from the whole one, relative to its norm; 1.4 were unrelated.
   * Tiles of these small networks are 4 to 8 latent pixels wide, so that their edges are
   * everywhere, and the weights are random: attention and normalisation see another image.
   */
  private static final double TILED = 1.2;

  private static List<float[]> gradients(DiffusionModel model, TrainingSession session) {
    try (NDManager scope = model.manager().newSubManager()) {
      // A weight also counts by itself, outside the blocks that are computed twice.
      Gradients found =
          session.gradients(
              () ->
                  Families.loss(model, PROMPTS, scope)
                      .add(session.weights().get(session.weights().size() / 2).square().mean()),
              scope);
      List<float[]> values = new ArrayList<>();
      values.add(new float[] {(float) found.loss()});
      found.values().forEach(gradient -> values.add(gradient.toFloatArray()));
      return values;
    }
  }

  private static List<float[]> gradients(Path pipeline, LoadOptions options, WeightGroup group)
      throws IOException {
    try (DiffusionModel model = DiffusionPipeline.load(pipeline, options);
        TrainingSession session =
            model
                .capability(Differentiable.class)
                .orElseThrow()
                .train(Families.names(model, group), new GradientOptions(false))) {
      return gradients(model, session);
    }
  }

  private static void assertClose(List<float[]> actual, List<float[]> expected, double relative) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.size(); i++) {
      Families.assertClose(actual.get(i), expected.get(i), relative);
    }
  }

  private static float[] joined(List<float[]> arrays) {
    float[] all = new float[arrays.stream().mapToInt(array -> array.length).sum()];
    int at = 0;
    for (float[] array : arrays) {
      System.arraycopy(array, 0, all, at, array.length);
      at += array.length;
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void checkpointedGradientsOfAllWeightsAreTheSame(Path pipeline) throws IOException {
    WeightGroup group = WeightGroup.denoiser();
    assertClose(
        gradients(pipeline, OPTIONS.gradientCheckpointing(true), group),
        gradients(pipeline, OPTIONS, group),
        1e-5);
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void checkpointedGradientsOfInputsAreTheSame(Path pipeline) throws IOException {
    List<float[]> values = new ArrayList<>();
    for (boolean checkpointing : List.of(false, true)) {
      try (DiffusionModel model =
              DiffusionPipeline.load(pipeline, OPTIONS.gradientCheckpointing(checkpointing));
          NDManager scope = model.manager().newSubManager()) {
        Conditioning conditioning = model.encode(PROMPTS, model.descriptor().latentSize(), scope);
        InputDifferentiable capability = model.capability(InputDifferentiable.class).orElseThrow();
        InputDifferentiable.Gradients found =
            capability.gradients(
                List.of(
                    Families.gaussian(model, PROMPTS.size(), "latents", scope),
                    conditioning.textEmbeddings()),
                in ->
                    model
                        .predict(
                            in.get(0),
                            Families.times(model, PROMPTS.size(), scope),
                            conditioning.with(Conditioning.TEXT, in.get(1)))
                        .square()
                        .mean());
        found.values().forEach(gradient -> values.add(gradient.toFloatArray()));
      }
    }
    int half = values.size() / 2;
    assertClose(values.subList(half, 2 * half), values.subList(0, half), 1e-5);
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void checkpointedGradientsOfLowRankChangesAreTheSame(Path pipeline) throws IOException {
    List<List<float[]>> both = new ArrayList<>();
    for (boolean checkpointing : List.of(false, true)) {
      try (DiffusionModel model =
          DiffusionPipeline.load(pipeline, OPTIONS.gradientCheckpointing(checkpointing))) {
        LoraTraining training = model.capability(LoraTraining.class).orElseThrow();
        List<String> names =
            Families.names(model, WeightGroup.denoiser()).stream()
                .filter(training::hasLowRankForm)
                .toList();
        try (TrainingSession session =
            training.train(names, Lora.rank(2), 5, new GradientOptions(false))) {
          both.add(gradients(model, session));
        }
      }
    }
    assertClose(both.get(1), both.get(0), 1e-5);
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void halfPrecisionIsClose(Path pipeline) throws IOException {
    List<float[]> full = gradients(pipeline, OPTIONS, WeightGroup.attention());
    for (Precision precision : List.of(Precision.BFLOAT16, Precision.FLOAT16)) {
      if (precision.isSupportedBy(Golden.device())) {
        double tolerance = precision == Precision.BFLOAT16 ? 0.06 : 0.01;
        for (WeightDtype dtype : List.of(WeightDtype.FLOAT32, WeightDtype.BFLOAT16)) {
          List<float[]> half =
              gradients(
                  pipeline,
                  OPTIONS
                      .precision(precision)
                      .gradientCheckpointing(dtype == WeightDtype.BFLOAT16)
                      .weightDtype(dtype),
                  WeightGroup.attention());
          Families.assertClose(
              joined(half), joined(full), dtype == WeightDtype.FLOAT32 ? tolerance : 0.08);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BFLOAT16", "FLOAT16"})
  void overflowNamesTheLayer(Precision precision) throws IOException {
    assumeTrue(precision.isSupportedBy(Golden.device()));
    String name = "unet.mid_block.resnets.0.conv1.weight";
    try (DiffusionModel model =
            DiffusionPipeline.load(
                Families.pipelines().findFirst().orElseThrow(), OPTIONS.precision(precision));
        NDManager scope = model.manager().newSubManager()) {
      float large = precision == Precision.FLOAT16 ? 1e6f : 1e38f;
      model.weights().overwrite(name, model.weights().copy(name, scope).mul(0).add(large));
      assertThatThrownBy(() -> Families.prediction(model, PROMPTS, scope))
          .isInstanceOf(HalfPrecisionException.class)
          .hasMessageContaining("layer UNet2DConditionModel.mid_block.resnets.0.conv1 ")
          .hasMessageContaining(precision.dtype());
    }
  }

  @Test
  void aRunResumesOnlyInItsOwnPrecision(@TempDir Path runs) throws IOException {
    Precision other =
        Stream.of(Precision.values())
            .filter(each -> each != Precision.FLOAT32 && each.isSupportedBy(Golden.device()))
            .findFirst()
            .orElse(null);
    assumeTrue(other != null, "the device computes in float32 alone");
    Path pipeline = Golden.path("pipelines").resolve("tiny-sd1");
    try (DiffusionModel model = DiffusionPipeline.load(pipeline, OPTIONS)) {
      resumable(model, runs).run().close();
      resumable(model, runs).run().close();
    }
    try (DiffusionModel model = DiffusionPipeline.load(pipeline, OPTIONS.precision(other))) {
      assertThatThrownBy(() -> resumable(model, runs).run().close())
          .isInstanceOf(CheckpointMismatchException.class)
          .hasMessageContainingAll("model.precision", other.dtype());
    }
  }

  private static Ablation resumable(DiffusionModel model, Path runs) {
    return Ablator.of(model)
        .target(Concept.style("Van Gogh"))
        .anchor(
            AnchorStrategy.generated("painting", List.of("painting of a boat"))
                .images(1)
                .sampling(SamplingSettings.defaults().steps(1)))
        .training(t -> t.steps(1).batchSize(1).learningRate(1e-3))
        .checkpoints(Checkpoints.in(runs).every(1));
  }

  @Test
  void theAutoencoderThatOverflowsInFloat16ComputesInFloat32() throws IOException {
    assumeTrue(Precision.FLOAT16.isSupportedBy(Golden.device()));
    Path pipeline = Golden.path("pipelines").resolve("tiny-sdxl");
    List<float[]> images = new ArrayList<>();
    for (Precision precision : List.of(Precision.FLOAT32, Precision.FLOAT16)) {
      try (DiffusionModel model = DiffusionPipeline.load(pipeline, OPTIONS.precision(precision));
          NDManager scope = model.manager().newSubManager()) {
        LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
        images.add(
            codec
                .decode(Families.gaussian(model, PROMPTS.size(), "latents", scope))
                .toFloatArray());
      }
    }
    assertThat(images.get(1)).isEqualTo(images.get(0));
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void offloadedTextEncodersGiveTheSame(Path pipeline) throws IOException {
    List<float[]> both = new ArrayList<>();
    for (boolean offload : List.of(false, true)) {
      try (DiffusionModel model =
              DiffusionPipeline.load(pipeline, OPTIONS.textEncoderOffload(offload));
          NDManager scope = model.manager().newSubManager()) {
        both.add(Families.prediction(model, PROMPTS, scope).toFloatArray());
      }
    }
    assertThat(both.get(1)).isEqualTo(both.get(0));
  }

  /** Both of decoding and of encoding. */
  private static List<float[]> coded(Path pipeline, LoadOptions options, int tiles)
      throws IOException {
    try (DiffusionModel model = DiffusionPipeline.load(pipeline, options);
        NDManager scope = model.manager().newSubManager()) {
      LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
      AutoencoderKL vae =
          model instanceof UNetDiffusion unet ? unet.vae() : ((FlowModel) model).vae();
      int side = tiles * Math.max(4, vae.config().sampleSize() / codec.downscaling());
      Shape shape = new Shape(2, model.descriptor().latentChannels(), side, side);
      NDArray latents = RandomStreams.gaussian(scope, shape, RandomStreams.stream(8, "z", 0));
      NDArray image = codec.decode(latents);
      return List.of(image.toFloatArray(), codec.encode(image, null).toFloatArray());
    }
  }

  @ParameterizedTest
  @MethodSource("dev.ablation.djl.Families#pipelines")
  void theAutoencoderTakesImagesOneByOneAndInTiles(Path pipeline) throws IOException {
    LoadOptions split = OPTIONS.vaeSlicing(true).vaeTiling(true);
    List<float[]> one = coded(pipeline, OPTIONS, 1);
    List<float[]> oneSplit = coded(pipeline, split, 1);
    assertClose(oneSplit, one, 1e-5); // a tile is the whole image

    List<float[]> large = coded(pipeline, OPTIONS, 2);
    List<float[]> largeSplit = coded(pipeline, split, 2);
    assertClose(largeSplit, large, TILED);
    assertThat(largeSplit.get(0)).isNotEqualTo(large.get(0));
  }
}
