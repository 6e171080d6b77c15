package dev.ablation.examples;

import dev.ablation.Ablation;
import dev.ablation.AblationResult;
import dev.ablation.checkpoint.Checkpoints;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.event.AblationEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Keeps checkpoints. Kill it at any moment and start it again: it goes on from the newest one and
 * ends with the same bytes.
 */
public final class ResumeARun {
  private static final int STEPS = Integer.getInteger("example.steps", 200);
  private static final int IMAGES = Integer.getInteger("example.images", 64);

  private ResumeARun() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    try (StableDiffusion model = EmbeddedModel.open()) {
      Ablation plan =
          EmojiAblation.style("blueprint")
              .images(IMAGES)
              .training(t -> t.steps(STEPS))
              .plan(model)
              .checkpoints(
                  Checkpoints.in(folder.resolve("checkpoints")).every(Math.max(1, STEPS / 10)))
              .listener(event -> {
                if (event instanceof AblationEvent.Resumed resumed) {
                  System.out.println("Goes on after step " + resumed.step());
                }
              });
      try (AblationResult result = plan.run()) {
        Path file = folder.resolve("resumed.safetensors");
        Files.deleteIfExists(file);
        result.delta().save(file);
      }
    }
  }
}
