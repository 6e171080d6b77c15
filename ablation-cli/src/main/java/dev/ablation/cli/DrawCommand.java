package dev.ablation.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.command.ProgressBars;
import dev.ablation.emoji.command.ProgressOption;
import dev.ablation.image.ImageFile;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Draws images. */
@Command(
    name = "draw",
    mixinStandardHelpOptions = true,
    description =
        "Draws an image for each prompt, with deltas applied or without, and writes 0.png, 1.png ..."
            + " into a folder. A delta with a gate, as --method spm makes it, acts as far as a prompt"
            + " has of the target; any other one in full.")
final class DrawCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(arity = "1..*", paramLabel = "PROMPT", description = "Prompts.")
  private List<String> prompts;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private Deltas deltas = new Deltas();

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seed of the first image, one more for each next. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Sampling steps. Default: the model's.")
  private @Nullable Integer steps;

  @Mixin private NewPathOption target = new NewPathOption();
  @Mixin private Output output = new Output();
  @Mixin private ProgressOption progress = new ProgressOption();

  @SuppressWarnings("NullAway.Init") // picocli fills in what is required
  DrawCommand() {}

  @Override
  public Integer call() throws IOException {
    if (steps != null && steps <= 0) {
      throw new ParameterException(spec.commandLine(), "--steps must be positive, was " + steps);
    }
    target.checkAbsent();
    Path folder = target.path();
    JsonArray files = new JsonArray();
    StringBuilder text = new StringBuilder();
    try (ProgressBars bars = progress.bars();
        DiffusionModel opened = model.open()) {
      List<BufferedImage> images = draw(opened, bars);
      Files.createDirectories(folder);
      for (int i = 0; i < images.size(); i++) {
        Path file = folder.resolve(i + ".png");
        ImageFile.writePng(images.get(i), file);
        JsonObject each = new JsonObject();
        each.addProperty("prompt", prompts.get(i));
        each.addProperty("seed", seed + i);
        each.addProperty("file", file.toString());
        files.add(each);
        text.append(file).append(System.lineSeparator());
      }
    }
    output.print(spec, files, text.toString());
    return ExitCode.OK;
  }

  private List<BufferedImage> draw(DiffusionModel opened, ProgressBars bars) throws IOException {
    SamplingSettings usual =
        model.source().isEmbedded()
            ? EmbeddedModel.recommendedSampling()
            : SamplingSettings.defaultsFor(opened);
    LatentSampler sampler =
        LatentSampler.of(opened)
            .settings(steps == null ? usual : usual.steps(steps))
            .listener(bars.drawing("images"));
    return deltas.draw(sampler, prompts, seed, opened);
  }
}
