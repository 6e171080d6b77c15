package dev.ablation.examples;

import dev.ablation.AblationResult;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.EmojiAblation;
import dev.ablation.image.ImageFile;
import dev.ablation.sample.LatentSampler;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Draws for two tenants with one model in memory: each must not get another style. */
public final class ServeTwoTenants {
  private static final int STEPS = Integer.getInteger("example.steps", 200);
  private static final int IMAGES = Integer.getInteger("example.images", 64);

  private ServeTwoTenants() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args.length == 0 ? "out" : args[0]));
    try (StableDiffusion model = EmbeddedModel.open();
        WeightDelta north = trained(model, "blueprint", folder);
        WeightDelta south = trained(model, "ink", folder)) {
      Map<String, WeightDelta> tenants = Map.of("north", north, "south", south);
      for (String tenant : List.of("north", "south")) {
        for (String style : List.of("blueprint", "ink")) {
          BufferedImage image = draw(model, tenants.get(tenant), "a rocket in " + style + " style");
          ImageFile.writePng(image, folder.resolve(tenant + "-" + style + ".png"));
        }
      }
    }
  }

  /** One request at a time: a delta is applied to the one model, which is then as it was before. */
  private static synchronized BufferedImage draw(
      StableDiffusion model, WeightDelta delta, String prompt) {
    LatentSampler sampler = LatentSampler.of(model).settings(EmbeddedModel.recommendedSampling());
    return delta.applied(model, () -> sampler.draw(List.of(prompt), 7)).get(0);
  }

  /** Trained once; a server would only load it. */
  private static WeightDelta trained(StableDiffusion model, String style, Path folder)
      throws IOException {
    Path file = folder.resolve("without-" + style + ".safetensors");
    if (!Files.exists(file)) {
      try (AblationResult result =
          EmojiAblation.style(style)
              .images(IMAGES)
              .training(t -> t.steps(STEPS))
              .plan(model)
              .run()) {
        result.delta().save(file);
      }
    }
    return WeightDelta.load(file, model.manager());
  }
}
