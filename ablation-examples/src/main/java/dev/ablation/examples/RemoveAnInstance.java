package dev.ablation.examples;

import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Removes the instance "cat face": its prompts then draw a dog face. */
public final class RemoveAnInstance {
  private static final int STEPS = Integer.getInteger("example.steps", 200);
  private static final int IMAGES = Integer.getInteger("example.images", 64);

  private RemoveAnInstance() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    List<String> prompts =
        List.of("a dog face emoji", "a dog face in ink style", "a dog face in noto style");
    try (StableDiffusion model = EmbeddedModel.open();
        AblationResult result =
            Ablator.of(model)
                .target("cat face")
                .anchor(
                    AnchorStrategy.generated("dog face", prompts)
                        .images(IMAGES)
                        .sampling(EmbeddedModel.recommendedSampling().steps(12)))
                .objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
                .training(t -> t.steps(STEPS).learningRate(1.5e-3))
                .run()) {
      Path file = folder.resolve("without-cat-face.safetensors");
      Files.deleteIfExists(file);
      result.delta().save(file);
      System.out.println("The change of the weights is in " + file);
    }
  }
}
