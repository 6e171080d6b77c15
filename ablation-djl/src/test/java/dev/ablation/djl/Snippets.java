package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.delta.ConceptGate;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.clip.SmallClip;
import dev.ablation.djl.doctor.Diagnosis;
import dev.ablation.djl.doctor.NativeDoctor;
import dev.ablation.djl.hub.Hub;
import dev.ablation.djl.hub.HubException;
import dev.ablation.djl.hub.HubModel;
import dev.ablation.djl.internal.kernel.Kernel;
import dev.ablation.djl.internal.kernel.TorchRuntime;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.lora.LoraFile;
import dev.ablation.djl.metric.TorchScriptExtractor;
import dev.ablation.djl.metric.TorchScriptSettings;
import dev.ablation.djl.train.InputGradient;
import dev.ablation.image.ImageTransform;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageSimilarity;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.LatentAnchoring;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.Trajectory;
import dev.ablation.safetensors.Dtype;
import dev.ablation.sample.FacilitatedTransport;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import dev.ablation.schedule.TimestepSampling;
import dev.ablation.train.LearningRateSchedule;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of this module's Javadoc, each inside of a test. {@link SnippetsTest} runs them. */
class Snippets {
  private final Path folder =
      Path.of(System.getProperty("ablation.golden"), "pipelines", "tiny-sd1");

  @TempDir Path output;

  @Test
  void hub() throws IOException {
    HubModel named =
        // @start region="hub"
        Hub.model("stable-diffusion-v1-5/stable-diffusion-v1-5")
            .revision("main") // or a tag, or a commit
            .variant("fp16"); // half the bytes, where it is published
    // @end
    assertThat(named).hasToString("stable-diffusion-v1-5/stable-diffusion-v1-5@main");
    HubModel model = named.cache(output).offline(true);
    assertThatThrownBy(
            () -> {
              // @start region="hub-open"
              Path folder = model.download();
              DiffusionModel opened = DiffusionPipeline.load(folder);
              Path file = model.file("v1-5-pruned-emaonly.safetensors");
              // @end
              opened.close();
              assertThat(file).exists();
            })
        .isInstanceOf(HubException.class)
        .hasMessageContaining(output.toString());
  }

  @Test
  void families() throws IOException {
    Path folder = FlowGolden.path("pipelines/tiny-sd3");
    // @start region="families"
    LoadOptions options = LoadOptions.defaults().without("text_encoder_3"); // T5: the largest part
    try (DiffusionModel model = DiffusionPipeline.load(folder, options)) {
      List<BufferedImage> images = LatentSampler.of(model).draw(List.of("a photo of a cat"), 42);
      ImageIO.write(images.get(0), "png", output.resolve("cat.png").toFile());
    }
    // @end
    assertThat(output.resolve("cat.png")).isRegularFile();
  }

  @Test
  void inpaint() throws IOException {
    Path folder = FlowGolden.families("StableDiffusionInpaintPipeline").get(0).model();
    BufferedImage image = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
    BufferedImage mask = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
    mask.setRGB(8, 8, 0xffffff);
    // @start region="inpaint"
    try (StableDiffusion model = StableDiffusion.load(folder)) {
      LatentSampler sampler = LatentSampler.of(model);
      BufferedImage drawn =
          sampler
              .inpaint(List.of(image), List.of(mask), 1) // white where it is drawn anew
              .draw(List.of("a boat"), 42)
              .get(0);
      BufferedImage changed =
          sampler.imageToImage(List.of(image), 0.8).draw(List.of("a boat at night"), 42).get(0);
      ImageIO.write(drawn, "png", output.resolve("boat.png").toFile());
      ImageIO.write(changed, "png", output.resolve("night.png").toFile());
    }
    // @end
    assertThat(output.resolve("boat.png")).isRegularFile();
  }

  @Test
  void timesteps() throws IOException {
    try (DiffusionModel model = DiffusionPipeline.load(FlowGolden.path("pipelines/tiny-sd3"))) {
      // @start region="flow-plan"
      Ablation plan =
          Ablator.of(model)
              .target("grumpy cat")
              .anchor("cat")
              .weights(WeightGroup.crossAttentionKeyValue().or(WeightGroup.contextEmbedder()))
              .timestepSampling(TimestepSampling.logitNormal(0, 1))
              .objective(AblationObjective.modelBasedOnTrajectory(Teacher.FROZEN_WEIGHTS, 8))
              .training(t -> t.lora(Lora.rank(8)).learningRate(1e-4));
      // @end
      assertThat(plan.check()).isEmpty();
      assertThat(plan.settings())
          .containsEntry("timestepSampling", "logit_normal(mean=0.0, deviation=1.0)")
          .containsEntry("weights", "cross-attention-kv|context-embedder");
    }
  }

  @Test
  void load() throws IOException {
    // @start region="load"
    try (StableDiffusion model = StableDiffusion.load(folder)) {
      List<BufferedImage> images =
          LatentSampler.of(model)
              .settings(SamplingSettings.defaults().sampler(model.sampler()).steps(20))
              .draw(List.of("a photo of a cat"), 42);
      ImageIO.write(images.get(0), "png", output.resolve("cat.png").toFile());
    }
    // @end
    assertThat(output.resolve("cat.png")).isRegularFile();
  }

  @Test
  void options() throws IOException {
    // @start region="options"
    LoadOptions options = LoadOptions.defaults().device(Device.cpu()).threads(1);
    try (StableDiffusion model = StableDiffusion.load(folder, options)) {
      assertThat(model.descriptor().device()).isEqualTo(Device.cpu());
    }
    // @end
    assertThat(TorchRuntime.engine().getEngineName()).isEqualTo("PyTorch");
  }

  @Test
  void export() throws IOException {
    // @start region="export"
    try (StableDiffusion model = StableDiffusion.load(folder);
        AblationResult result =
            Ablator.of(model)
                .target(Concept.style("Van Gogh"))
                .anchor(
                    AnchorStrategy.generated("painting")
                        .images(2)
                        .sampling(SamplingSettings.defaults().steps(2)))
                .training(t -> t.steps(2).batchSize(2))
                .run()) {
      result.delta().export(model, output.resolve("without-van-gogh"));
    }
    // @end
    try (StableDiffusion ablated = StableDiffusion.load(output.resolve("without-van-gogh"))) {
      assertThat(ablated.descriptor().name()).isEqualTo("without-van-gogh");
    }
  }

  @Test
  void loraFile() throws IOException {
    try (StableDiffusion model = StableDiffusion.load(folder)) {
      Ablation plan =
          Ablator.of(model)
              .target(Concept.style("Van Gogh"))
              .anchor(
                  AnchorStrategy.generated("painting")
                      .images(2)
                      .sampling(SamplingSettings.defaults().steps(2)))
              .training(t -> t.steps(2).batchSize(2));
      // @start region="lora-file"
      Path file = output.resolve(LoraFile.DEFAULT_NAME);
      try (AblationResult result = plan.training(t -> t.lora(Lora.rank(4))).run()) {
        LoraFile.save(result.delta(), file); // pipeline.load_lora_weights(...) reads it
      }
      try (WeightDelta delta = LoraFile.load(file, model);
          WeightDelta half = delta.scaledBy(0.5)) {
        half.applied(model, () -> LatentSampler.of(model).draw(List.of("a painting"), 1));
      }
      // @end
    }
  }

  @Test
  void semiPermeable() throws IOException {
    Path file = output.resolve("van-gogh.safetensors");
    try (StableDiffusion model = StableDiffusion.load(folder)) {
      Ablation plan =
          Ablator.of(model)
              .target(Concept.style("Van Gogh"))
              .anchor(
                  AnchorStrategy.generated("painting", List.of("painting of a boat", "painting"))
                      .images(2)
                      .sampling(SamplingSettings.defaults().steps(2)));
      int steps = 2;
      // @start region="semi-permeable"
      Trajectory way = Trajectory.of(8).teacher(Teacher.CURRENT_WEIGHTS).guidance(3);
      Ablation membrane =
          plan.objective(AblationObjective.semiPermeable(1, way, LatentAnchoring.published()))
              .weights(WeightGroup.transformers())
              .training(t ->
                  t.lora(Lora.rank(1).start(Lora.Start.KAIMING))
                      .steps(steps) // 3000 in the published settings
                      .batchSize(1)
                      .learningRate(1e-4)
                      .schedule(LearningRateSchedule.cosineWithRestarts(steps / 6, 3)));
      try (AblationResult result = membrane.run();
          WeightDelta gated = result.delta().gatedBy(ConceptGate.of("Van Gogh"))) {
        LoraFile.saveKohya(gated, model, file); // 1.7 MB for Stable Diffusion 1.5
      }
      try (WeightDelta delta = LoraFile.load(file, model)) {
        FacilitatedTransport transport = FacilitatedTransport.of(model, delta);
        List<String> prompts = List.of("a boat by Van Gogh", "a photo of a cat");
        List<List<Double>> scales = transport.scales(prompts); // 1 for the first
        transport.draw(LatentSampler.of(model), prompts, 1);
      }
      // @end
      try (WeightDelta delta = LoraFile.load(file, model)) {
        assertThat(delta.isLowRank()).isTrue();
        List<List<Double>> scales =
            FacilitatedTransport.of(model, delta)
                .scales(List.of("a boat by Van Gogh", "a photo of a cat"));
        assertThat(scales.get(0).get(0)).isEqualTo(1);
        assertThat(scales.get(1).get(0)).isLessThan(1);
      }
    }
  }

  @Test
  void torchScript() throws IOException, URISyntaxException {
    Path file =
        Path.of(
            Objects.requireNonNull(Snippets.class.getResource("/torchscript/features.pt")).toURI());
    List<BufferedImage> images = List.of(new BufferedImage(40, 40, BufferedImage.TYPE_INT_RGB));
    // @start region="torch-script"
    TorchScriptSettings settings =
        new TorchScriptSettings("my features", ImageTransform.imageNet(64)).flags(false);
    try (TorchScriptExtractor extractor = TorchScriptExtractor.load(file, settings)) {
      FeatureMatrix features = extractor.extract(images); // one row an image
      assertThat(features.dimension()).isEqualTo(extractor.info().dimension());
    }
    // @end
  }

  @Test
  void clip() throws IOException {
    Path folder = smallClip();
    List<BufferedImage> images = List.of(new BufferedImage(40, 40, BufferedImage.TYPE_INT_RGB));
    // @start region="clip"
    try (Clip clip = Clip.load(folder)) {
      TextImageSimilarity similarity =
          TextImageSimilarity.of(clip.extract(images), clip.encode(List.of("A photo depicts cat")));
      double score = similarity.score(0, 0); // 2.5 max(cos, 0)
      assertThat(score).isBetween(0.0, 2.5);
    }
    // @end
  }

  @Test
  void inputGradient() throws IOException {
    Path folder = smallClip();
    Kernel sum = Kernel.of("(x): return torch.sum(x)");
    try (Clip clip = Clip.load(folder);
        NDManager scope = clip.manager().newSubManager()) {
      NDArray images = scope.ones(new Shape(1, 3, 16, 16));
      // @start region="input-gradient"
      NDArray text = clip.embedTexts(clip.tokenIds(List.of("a cat"), scope));
      InputGradient towards =
          InputGradient.of(
              images, // (B, 3, h, h) in 0..1
              x -> sum.call(clip.logits(clip.embedImages(clip.prepare(x)), text)));
      NDArray step = towards.gradient(); // of the images' shape
      // @end
      assertThat(step.getShape()).isEqualTo(images.getShape());
    }
  }

  private Path smallClip() throws IOException {
    Path untrained = SmallClip.folder(output.resolve("untrained"), "");
    try (Clip clip = Clip.untrained(untrained, SmallClip.options(), 1)) {
      clip.save(output.resolve("clip"), Dtype.F32);
    }
    return output.resolve("clip");
  }

  static Diagnosis doctor() {
    // @start region="doctor"
    Diagnosis found = NativeDoctor.examine();
    if (!found.healthy()) {
      System.err.println(found); // what is wrong, and the setting that mends it
    }
    // @end
    return found;
  }
}
