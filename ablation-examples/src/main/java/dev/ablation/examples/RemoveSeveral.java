package dev.ablation.examples;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.anchor.GeneratedAnchors;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Teacher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Removes several things in one run; each has its own anchor and the same share of the steps. */
public final class RemoveSeveral {
  private static final int STEPS = Integer.getInteger("example.steps", 300);
  private static final int IMAGES = Integer.getInteger("example.images", 64);

  private RemoveSeveral() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    try (StableDiffusion model = EmbeddedModel.open()) {
      Ablation plan =
          Ablator.of(model)
              .target("cat face")
              .anchor(anchor("dog face"))
              .andTarget("rocket")
              .anchor(anchor("airplane"))
              .objective(AblationObjective.modelBased(Teacher.FROZEN_WEIGHTS))
              .training(t -> t.steps(STEPS).learningRate(1.5e-3));
      List<String> problems = plan.check(); // everything that is wrong, at once
      problems.forEach(System.err::println);
      try (AblationResult result = plan.run()) {
        Path file = folder.resolve("without-several.safetensors");
        Files.deleteIfExists(file);
        result.delta().save(file);
      }
    }
  }

  private static GeneratedAnchors anchor(String thing) {
    String withArticle = EmbeddedModel.withArticle(thing);
    return AnchorStrategy.generated(
            thing, List.of(withArticle + " emoji", withArticle + " in noto style"))
        .images(IMAGES)
        .sampling(EmbeddedModel.recommendedSampling().steps(12));
  }
}
