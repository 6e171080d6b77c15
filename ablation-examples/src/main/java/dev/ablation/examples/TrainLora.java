package dev.ablation.examples;

import dev.ablation.AblationResult;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.lora.LoraFile;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.model.Lora;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Trains a LoRA adapter, in the file that diffusers loads with load_lora_weights. */
public final class TrainLora {
  private static final int STEPS = Integer.getInteger("example.steps", 200);
  private static final int IMAGES = Integer.getInteger("example.images", 64);

  private TrainLora() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    try (StableDiffusion model = EmbeddedModel.open();
        AblationResult result =
            EmojiAblation.style("blueprint")
                .images(IMAGES)
                .training(t -> t.steps(STEPS).lora(Lora.rank(4).alpha(8)))
                .plan(model)
                .run()) {
      Path file = folder.resolve(LoraFile.DEFAULT_NAME);
      Files.deleteIfExists(file);
      LoraFile.save(result.delta(), file);
      System.out.println(file + " has " + Files.size(file) / 1024 + " KiB");
    }
  }
}
