package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.TestFolders;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.evaluation.Comparison;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Role;
import dev.ablation.model.SingleFileExport;
import dev.ablation.safetensors.WriteOptions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * A checkpoint of one's own, from the command line to its files; a tiny one with random weights.
 */
@Tag("slow")
class CheckpointRunTest {
  @TempDir private Path folder;

  @Test
  void removesAStyleFromACheckpoint() throws Exception {
    Path output = folder.resolve("out");
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Ablate.commandLine();
    command.setOut(new PrintWriter(out));
    command.setErr(new PrintWriter(err));
    Path model = withSmallImages(Path.of(System.getProperty("ablation.golden")));
    int exit =
        command.execute(
            ("--kind style --anchor painting --neighbour Monet --neighbour Dali --steps 2"
                    + " --images 2 --seed 5 --quiet")
                .concat(" --model " + model + " --output " + output + " --target")
                .concat(" Vermeer")
                .split(" "));
    assertThat(exit).as(err.toString()).isZero();
    assertThat(out.toString())
        .contains(
            "Trained to remove the style 'Vermeer'",
            "was not measured",
            "anchor images     2 in",
            "training steps    2 in")
        .contains("images            32 in", "ratio");
    JsonObject report =
        JsonParser.parseString(Files.readString(output.resolve("report.json"))).getAsJsonObject();
    EvaluationResult found = EvaluationResult.fromJson(report.get("evaluation").toString());
    assertThat(found.settings()).containsEntry("seed", "5").doesNotContainKey("encoder");
    assertThat(found.of(Role.NEIGHBOUR))
        .extracting(each -> each.subject().name())
        .containsExactly("Monet", "Dali");
    assertThat(found.subjects())
        .hasSize(4)
        .allSatisfy(each ->
            assertThat(each.metrics())
                .extracting(Comparison::metric)
                .containsExactly("mean squared change"));
    JsonObject settings = report.getAsJsonObject("provenance").getAsJsonObject("settings");
    assertThat(settings.get("preset").getAsString()).contains("diffusers");
    assertThat(settings.get("training.steps").getAsString()).isEqualTo("2");
    BufferedImage sheet = ImageIO.read(output.resolve("before-after.png").toFile());
    assertThat(sheet.getHeight()).isGreaterThan(4 * 128);
  }

  /** Small images are drawn fast. */
  private Path withSmallImages(Path golden) throws IOException {
    Path model = folder.resolve("tiny-sd1");
    TestFolders.copy(golden.resolve("pipelines/tiny-sd1"), model);
    Path unet = model.resolve("unet/config.json");
    JsonObject config = JsonParser.parseString(Files.readString(unet)).getAsJsonObject();
    config.addProperty("sample_size", 8);
    Files.writeString(unet, config.toString());
    return model;
  }

  /** A file of a model site in place of a folder, with a tokenizer of its own. */
  @Test
  void opensASingleFile() throws Exception {
    Path pipeline = Path.of(System.getProperty("ablation.golden"), "pipelines/tiny-sd1");
    Path file = folder.resolve("downloaded.safetensors");
    try (StableDiffusion model = StableDiffusion.load(pipeline)) {
      model
          .capability(SingleFileExport.class)
          .orElseThrow()
          .export(file, WriteOptions.defaults(), Map.of());
    }
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Ablate.commandLine();
    command.setOut(new PrintWriter(out));
    command.setErr(new PrintWriter(err));
    String line =
        "--kind style --anchor painting --steps 1 --images 1 --no-images --quiet --target Vermeer"
            + " --model %s --component tokenizer=%s --output %s";
    Path output = folder.resolve("of-a-file");
    int exit =
        command.execute(line.formatted(file, pipeline.resolve("tokenizer"), output).split(" "));
    assertThat(exit).as(err.toString()).isZero();
    assertThat(out.toString()).contains("Trained to remove the style 'Vermeer'");
    exit = command.execute(line.formatted(file, folder, folder.resolve("not")).split(" "));
    assertThat(exit).isNotZero();
    assertThat(err.toString()).contains("ablate: ", "vocab.json");
  }
}
