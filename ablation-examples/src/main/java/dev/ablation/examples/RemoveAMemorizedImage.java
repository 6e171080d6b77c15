package dev.ablation.examples;

import dev.ablation.AblationResult;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.sample.LatentSampler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Removes an image that the model learned by heart, and counts the copies before and after. */
public final class RemoveAMemorizedImage {
  private static final int STEPS = Integer.getInteger("example.steps", 200);
  private static final int IMAGES = Integer.getInteger("example.images", 64);

  private RemoveAMemorizedImage() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    try (StableDiffusion model = EmbeddedModel.open();
        EmbeddedEvaluator evaluator = EmbeddedEvaluator.open();
        AblationResult result =
            EmojiAblation.planted()
                .images(IMAGES)
                .training(t -> t.steps(STEPS))
                .plan(model)
                .run()) {
      ConceptDetector copies = evaluator.ofPlantedCopies();
      System.out.printf(
          "Copies in %d images: %d before, %d after%n",
          IMAGES, count(copies, model), result.delta().applied(model, () -> count(copies, model)));
      Path file = folder.resolve("without-memorized-image.safetensors");
      Files.deleteIfExists(file);
      result.delta().save(file);
    }
  }

  /** Draws from the caption with the weights of the moment. */
  private static int count(ConceptDetector copies, StableDiffusion model) {
    List<String> caption = Collections.nCopies(IMAGES, EmbeddedModel.plantedCaption());
    LatentSampler sampler = LatentSampler.of(model).settings(EmbeddedModel.recommendedSampling());
    return (int) Arrays.stream(copies.shows(sampler.draw(caption, 0))).sum();
  }
}
