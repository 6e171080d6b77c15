package dev.ablation.examples;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import dev.ablation.delta.WeightDelta;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The main job, shortened, from the command line to its files. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AblateTest {
  private static final String STEPS = "60";
  private static final String IMAGES = "32";

  private Path output;
  private String printed = "";

  @BeforeAll
  void removeAStyle(@TempDir Path folder) {
    output = folder.resolve("run");
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Ablate.commandLine();
    command.setOut(new PrintWriter(out));
    command.setErr(new PrintWriter(err));
    int exit =
        command.execute(
            "--target",
            "blueprint",
            "--steps",
            STEPS,
            "--images",
            IMAGES,
            "--quiet",
            "--output",
            output.toString());
    assertThat(exit).as(err.toString()).isZero();
    printed = out.toString();
  }

  @Test
  void theTargetChangesAtLeastThreeTimesAsMuchAsTheNeighbours() {
    assertThat(number("target")).isGreaterThan(0.02);
    assertThat(number("target") / number("neighbours")).isGreaterThan(3);
  }

  @Test
  void writesEveryFile() throws IOException {
    try (Stream<Path> files = Files.list(output)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .contains(
              "before-after.png",
              "loss.csv",
              "delta.safetensors",
              "report.html",
              "report.json",
              "summary.txt");
    }
    assertThat(Files.exists(output.resolve("loss.png"))).isEqualTo(Lettering.isAvailable());
  }

  @Test
  void theSheetShowsEveryPairOfPictures() throws IOException {
    BufferedImage sheet = ImageIO.read(output.resolve("before-after.png").toFile());
    // Seven rows of six pairs, each picture twice its size.
    assertThat(sheet.getWidth()).isGreaterThan(6 * 2 * 128);
    assertThat(sheet.getHeight()).isGreaterThan(7 * 128);
    assertThat(sheet.getRGB(1, 1) & 0xffffff).isEqualTo(0xffffff);
  }

  @Test
  void theLossTableHasEveryStep() {
    assertThat(output.resolve("loss.csv"))
        .content()
        .startsWith("step,loss,gradient_norm")
        .hasLineCount(1 + Integer.parseInt(STEPS));
  }

  @Test
  void theDeltaTellsWhatItRemoves() throws IOException {
    try (NDManager manager = NDManager.newBaseManager();
        WeightDelta delta = WeightDelta.load(output.resolve("delta.safetensors"), manager)) {
      assertThat(delta.provenance().baseName()).isEqualTo("emoji");
      assertThat(delta.provenance().settings())
          .containsEntry("target", "style 'blueprint'")
          .containsEntry("training.steps", STEPS)
          .containsEntry("anchor.images", IMAGES);
      assertThat(delta.norm()).isPositive();
    }
  }

  @Test
  void printsItsSummary() {
    assertThat(printed)
        .contains("Removed the style 'blueprint' from the model 'emoji'.")
        .contains("anchor pictures   " + IMAGES, "training steps    " + STEPS, "peak memory")
        .contains(output.toString());
    assertThat(output.resolve("summary.txt")).content().contains("neighbours").contains("ratio");
  }

  private double number(String name) {
    Matcher found =
        Pattern.compile("^  " + name + " +([0-9.]+)$", Pattern.MULTILINE).matcher(printed);
    assertThat(found.find()).as(printed).isTrue();
    return Double.parseDouble(found.group(1));
  }
}
