package dev.ablation.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.augment.MaskSampling;
import dev.ablation.djl.load.InvalidCheckpointException;
import dev.ablation.model.Conditioning;
import dev.ablation.model.InpaintingCondition;
import dev.ablation.model.LatentCodec;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.TrainingBatch;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models that see a mask and a masked image: drawn from and ablated. */
class InpaintingTest {
  private static final String CLASS = "StableDiffusionInpaintPipeline";
  private static final int SIDE = 32;

  @TempDir private Path temporary;
  private StableDiffusion model;

  @BeforeEach
  void open() throws IOException {
    model = StableDiffusion.load(folder(), GoldenModels.options());
  }

  @AfterEach
  void close() {
    model.close();
  }

  private static Path folder() {
    return FlowGolden.families(CLASS).get(0).model();
  }

  /** A colour with a square of another. */
  private static BufferedImage image(Color around, Color square) {
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(around);
    graphics.fillRect(0, 0, SIDE, SIDE);
    graphics.setColor(square);
    graphics.fillRect(8, 8, 16, 12);
    graphics.dispose();
    return image;
  }

  private static BufferedImage mask() {
    return image(Color.BLACK, Color.WHITE);
  }

  private LatentSampler sampler() {
    return LatentSampler.of(model)
        .settings(new SamplingSettings(Sampler.ddim(), 4, 3, "blurred", 2));
  }

  private float[] sample(LatentSampler sampler, List<String> prompts) {
    try (NDManager scope = model.manager().newSubManager()) {
      return sampler.sample(prompts, 5, scope).toFloatArray();
    }
  }

  @Test
  void theHiddenPartOfTheImageDoesNotMatterAndTheRestDoes() {
    List<String> prompts = List.of("a boat");
    BufferedImage red = image(Color.GREEN, Color.RED);
    BufferedImage blue = image(Color.GREEN, Color.BLUE);
    BufferedImage other = image(Color.YELLOW, Color.RED);
    float[] drawn = sample(sampler().inpaint(List.of(red), List.of(mask()), 1), prompts);
    assertThat(sample(sampler().inpaint(List.of(blue), List.of(mask()), 1), prompts))
        .isEqualTo(drawn);
    assertThat(sample(sampler().inpaint(List.of(other), List.of(mask()), 1), prompts))
        .isNotEqualTo(drawn);
    // From the noised image even what is drawn anew has an influence.
    assertThat(sample(sampler().inpaint(List.of(blue), List.of(mask()), 0.5), prompts))
        .isNotEqualTo(sample(sampler().inpaint(List.of(red), List.of(mask()), 0.5), prompts));
  }

  @Test
  void oneImageServesAllPromptsAndEveryBatch() {
    BufferedImage red = image(Color.GREEN, Color.RED);
    List<String> prompts = List.of("a boat", "a cat", "a dog");
    LatentSampler three =
        sampler().inpaint(List.of(red, red, red), List.of(mask(), mask(), mask()), 0.75);
    assertThat(sample(sampler().inpaint(List.of(red), List.of(mask()), 0.75), prompts))
        .isEqualTo(sample(three, prompts));
    assertThat(sampler().inpaint(List.of(red), List.of(mask()), 1).draw(prompts, 1))
        .hasSize(3)
        .allMatch(image -> image.getWidth() == SIDE && image.getHeight() == SIDE);
  }

  @Test
  void withoutAnImageAllOfItIsDrawn() {
    BufferedImage gray = image(new Color(127, 127, 127), new Color(128, 128, 128));
    BufferedImage white = image(Color.WHITE, Color.WHITE);
    float[] plain = sample(sampler(), List.of("a boat"));
    try (NDManager scope = model.manager().newSubManager()) {
      Conditioning made = model.encode(List.of("a boat", "a cat"), scope);
      assertThat(made.get(Conditioning.MASK).getShape()).isEqualTo(new Shape(2, 1, 16, 16));
      assertThat(made.get(Conditioning.MASK).min().getFloat()).isEqualTo(1);
    }
    // A mask of all of it hides the image, but latents of it are drawn from the posterior.
    float[] masked = sample(sampler().inpaint(List.of(gray), List.of(white), 1), List.of("a boat"));
    double distance = 0;
    double size = 0;
    for (int i = 0; i < plain.length; i++) {
      distance += (plain[i] - masked[i]) * (plain[i] - masked[i]);
      size += plain[i] * plain[i];
    }
    assertThat(Math.sqrt(distance / size)).isLessThan(0.5);
  }

  @Test
  void wrongImagesAreNamed() throws IOException {
    BufferedImage red = image(Color.GREEN, Color.RED);
    BufferedImage odd = new BufferedImage(33, 32, BufferedImage.TYPE_INT_RGB);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler().inpaint(List.of(red), List.of(odd), 1))
        .withMessageContaining("expected width and height 32 x 32, was 33 x 32");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler().imageToImage(List.of(odd), 1))
        .withMessageContaining("multiples of 2, was 33 x 32");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler().inpaint(List.of(red), List.of(mask()), 0))
        .withMessage("strength must be above 0 and at most 1, was 0.0");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> sample(sampler().inpaint(List.of(red), List.of(mask()), 0.2), List.of("a boat")))
        .withMessage("strength 0.2 leaves none of 4 steps; expected at least 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            sample(
                sampler().inpaint(List.of(red, red), List.of(mask(), mask()), 1),
                List.of("a", "b", "c")))
        .withMessage("images: expected 1, or 3, one for each prompt, were 2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler().inpaint(List.of(red), List.of(), 1))
        .withMessage("masks must not be empty");
    try (StableDiffusion plain =
        StableDiffusion.load(PipelineCopy.golden(), GoldenModels.options())) {
      // Any model starts from an image.
      SamplingSettings few = new SamplingSettings(Sampler.euler(), 4, 3, "", 1);
      assertThat(
              LatentSampler.of(plain)
                  .settings(few)
                  .imageToImage(List.of(red), 0.5)
                  .draw(List.of("a boat"), 1))
          .hasSize(1);
      assertThatThrownBy(() ->
              LatentSampler.of(plain)
                  .settings(few.sampler(Sampler.pndm()))
                  .imageToImage(List.of(red), 0.5)
                  .draw(List.of("a boat"), 1))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("strength must be 1");
    }
  }

  /** A model that does not see the rest of the image keeps it, in every step. */
  @Test
  void anOrdinaryModelDrawsInsideTheMaskAlone() throws IOException {
    BufferedImage red = image(Color.GREEN, Color.RED);
    BufferedImage white = image(Color.WHITE, Color.WHITE);
    List<String> prompts = List.of("a boat");
    try (StableDiffusion plain =
            StableDiffusion.load(PipelineCopy.golden(), GoldenModels.options());
        NDManager scope = plain.manager().newSubManager()) {
      int factor = plain.capability(LatentCodec.class).orElseThrow().downscaling();
      LatentSampler sampler =
          LatentSampler.of(plain)
              .settings(new SamplingSettings(Sampler.ddim(), 4, 3, "blurred", 2))
              .latentSize(SIDE / factor, SIDE / factor);
      NDArray fresh = sampler.sample(prompts, 5, scope);
      NDArray all = sampler.inpaint(List.of(red), List.of(white), 1).sample(prompts, 5, scope);
      assertThat(all.toFloatArray()).isEqualTo(fresh.toFloatArray());

      BufferedImage black = image(Color.BLACK, Color.BLACK);
      NDArray none = sampler.inpaint(List.of(red), List.of(black), 1).sample(prompts, 5, scope);
      for (double strength : new double[] {1, 0.5}) {
        NDArray drawn =
            sampler.inpaint(List.of(red), List.of(mask()), strength).sample(prompts, 5, scope);
        NDArray distance = drawn.sub(none).abs().sum(new int[] {0}).sum(new int[] {0});
        for (int y = 0; y < SIDE / factor; y++) {
          for (int x = 0; x < SIDE / factor; x++) {
            boolean inside = mask().getRGB(x * factor, y * factor) == Color.WHITE.getRGB();
            assertThat(distance.getFloat(y, x) > 0).as("%d, %d", x, y).isEqualTo(inside);
          }
        }
        // What is drawn depends on the rest, which it has seen.
        assertThat(drawn.toFloatArray()).isNotEqualTo(fresh.toFloatArray());
      }
    }
  }

  @Test
  void anotherNumberOfChannelsIsRefused() throws IOException {
    Path copy = temporary.resolve("copy");
    PipelineCopy.copy(folder(), copy);
    Path config = copy.resolve("unet/config.json");
    String json = java.nio.file.Files.readString(config);
    java.nio.file.Files.writeString(
        config, json.replace("\"in_channels\": 9", "\"in_channels\": 8"));
    assertThatThrownBy(() -> StableDiffusion.load(copy, GoldenModels.options()))
        .isInstanceOf(InvalidCheckpointException.class)
        .hasMessageContaining("in_channels (8)")
        .hasMessageContaining("inpainting model twice as many and 1");
  }

  private Ablation plan(AblationObjective objective) {
    return Ablator.of(model)
        .target("ruined boat")
        .anchor(
            AnchorStrategy.generated("boat", List.of("a boat", "two boats"))
                .images(3)
                .sampling(SamplingSettings.defaults().steps(2)))
        .objective(objective)
        .training(t -> t.steps(2).batchSize(2).accumulation(2).learningRate(1e-3));
  }

  /** What the network sees in training is the anchor image without a part of it. */
  @Test
  void trainingSeesTheAnchorsWithoutAPart() {
    List<float[]> masks = new ArrayList<>();
    AblationObjective looking =
        AblationObjective.named(
            "looking",
            context -> {
              check(context.batch(), masks);
              check(context.priorBatch().orElseThrow(), masks);
              return AblationObjective.modelBased()
                  .plus(AblationObjective.priorPreservation())
                  .loss(context);
            });
    AblationObjective withPrior =
        new AblationObjective() {
          @Override
          public NDArray loss(dev.ablation.objective.ObjectiveContext context) {
            return looking.loss(context);
          }

          @Override
          public String name() {
            return "looking";
          }

          @Override
          public boolean usesPriorBatch() {
            return true;
          }
        };
    try (AblationResult result = plan(withPrior).run()) {
      assertThat(result.provenance().settings())
          .containsEntry("inpainting.masks", "shapes(whole=0.25)");
      assertThat(result.delta().names()).isNotEmpty();
    }
    // Two steps of two parts with two rows, for the pairs and the prior.
    assertThat(masks).hasSize(2 * 2 * 2 * 2);
    assertThat(masks.stream().map(Arrays::hashCode).distinct().count()).isGreaterThan(7);
    masks.clear();
    try (AblationResult result = plan(withPrior).inpaintingMasks(MaskSampling.shapes(1)).run()) {
      assertThat(result.provenance().settings())
          .containsEntry("inpainting.masks", "shapes(whole=1.0)");
    }
    for (float[] mask : masks) {
      assertThat(mask).containsOnly(1);
    }
  }

  private void check(TrainingBatch batch, List<float[]> masks) {
    Map<String, NDArray> conditions = batch.conditions();
    assertThat(conditions).containsOnlyKeys(Conditioning.MASK, Conditioning.MASKED_IMAGE_LATENTS);
    NDArray mask = conditions.get(Conditioning.MASK);
    NDArray latents = conditions.get(Conditioning.MASKED_IMAGE_LATENTS);
    assertThat(latents.getShape()).isEqualTo(batch.latents().getShape());
    LatentCodec codec = model.capability(LatentCodec.class).orElseThrow();
    InpaintingCondition condition = model.capability(InpaintingCondition.class).orElseThrow();
    try (NDManager scope = model.manager().newSubManager()) {
      NDArray images = codec.decode(batch.latents());
      // Latent pixels cover squares; the mask of the pixels is at least near that of the latents.
      NDArray pixels = mask.repeat(2, 2).repeat(3, 2);
      NDArray own =
          condition.of(images, pixels, null, scope).get(Conditioning.MASKED_IMAGE_LATENTS);
      NDArray whole =
          condition
              .of(images, pixels.zerosLike(), null, scope)
              .get(Conditioning.MASKED_IMAGE_LATENTS);
      for (int row = 0; row < batch.size(); row++) {
        float[] values = mask.get(row).toFloatArray();
        masks.add(values);
        assertThat(values).hasSize(16 * 16);
        for (float value : values) {
          assertThat(value).isIn(0f, 1f);
        }
        double share = mask.get(row).mean().getFloat();
        if (share > 0.3) {
          assertThat(distance(latents, own, row)).isLessThan(distance(latents, whole, row));
        }
      }
    }
  }

  private static double distance(NDArray one, NDArray other, int row) {
    return one.get(row).sub(other.get(row)).square().sum().getFloat();
  }
}
