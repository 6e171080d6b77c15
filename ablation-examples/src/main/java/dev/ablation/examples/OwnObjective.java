package dev.ablation.examples;

import ai.djl.ndarray.NDArray;
import dev.ablation.AblationResult;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.objective.AblationObjective;
import dev.ablation.objective.Losses;
import dev.ablation.objective.Teacher;
import dev.ablation.objective.TrainingBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Trains with a loss of its own: the prediction for the target prompt follows the anchor's, moved a
 * little away from what the target was (as negative guidance moves an image when it is drawn).
 */
public final class OwnObjective {
  private static final int STEPS = Integer.getInteger("example.steps", 200);
  private static final int IMAGES = Integer.getInteger("example.images", 64);
  private static final float AWAY = 0.2f;

  private OwnObjective() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    AblationObjective objective =
        AblationObjective.named(
            "away from the target by " + AWAY,
            context -> {
              TrainingBatch batch = context.batch();
              NDArray anchor =
                  context.predict(Teacher.FROZEN_WEIGHTS, batch, batch.anchorPrompts());
              NDArray target =
                  context.predict(Teacher.FROZEN_WEIGHTS, batch, batch.targetPrompts());
              NDArray wanted = anchor.add(anchor.sub(target).mul(AWAY));
              NDArray prediction = context.predict(batch, batch.targetPrompts());
              return Losses.masked(prediction, wanted, batch.mask());
            });
    try (StableDiffusion model = EmbeddedModel.open();
        AblationResult result =
            EmojiAblation.style("blueprint")
                .images(IMAGES)
                .training(t -> t.steps(STEPS))
                .plan(model)
                .objective(objective)
                .run()) {
      System.out.println(result.provenance().settings().get("objective"));
      Path file = folder.resolve("own-objective.safetensors");
      Files.deleteIfExists(file);
      result.delta().save(file);
    }
  }
}
