package dev.ablation.examples;

import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.concept.StyleTemplates;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Removes the style "blueprint": its prompts then draw what prompts without a style draw. */
public final class RemoveAStyle {
  private static final int STEPS = Integer.getInteger("example.steps", 200);
  private static final int IMAGES = Integer.getInteger("example.images", 64);

  private RemoveAStyle() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    Concept blueprint =
        Concept.style(
            "blueprint", new StyleTemplates("emoji", List.of("{prompt} in {name} style")));
    try (StableDiffusion model = EmbeddedModel.open();
        AblationResult result =
            Ablator.of(model)
                .target(blueprint)
                .anchor(
                    AnchorStrategy.generated(
                            "emoji", List.of("a rocket emoji", "an owl emoji", "a key emoji"))
                        .images(IMAGES)
                        .sampling(EmbeddedModel.recommendedSampling().steps(12)))
                .objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
                .training(t -> t.steps(STEPS).learningRate(1.5e-3))
                .run()) {
      Path file = folder.resolve("without-blueprint.safetensors");
      Files.deleteIfExists(file);
      result.delta().save(file);
      System.out.println("The change of the weights is in " + file);
    }
  }
}
