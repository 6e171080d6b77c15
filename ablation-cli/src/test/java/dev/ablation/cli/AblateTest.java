package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonParser;
import dev.ablation.delta.WeightDelta;
import dev.ablation.evaluation.AttackResult;
import dev.ablation.evaluation.EvaluationResult;
import dev.ablation.evaluation.Role;
import dev.ablation.job.AblationJob;
import dev.ablation.job.JobRoot;
import dev.ablation.metric.MetricResult;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** The main job, shortened, from the command line to its files. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AblateTest {
  private static final String STEPS = "60";
  private static final String IMAGES = "32";

  private Path output;
  private String printed = "";

  @BeforeAll
  void removeAStyle(@TempDir Path folder) throws IOException {
    Path job = folder.resolve("job.json");
    // The images that are compared are drawn in fewer steps than options give.
    Files.writeString(
        job,
        """
        {"targets": [{"name": "blueprint", "anchor": {"images": %s}}],
         "method": {"training": {"steps": %s}}, "evaluation": {"sampling": 8}}
        """
            .formatted(IMAGES, STEPS));
    output = folder.resolve("run");
    printed = run("run", job, "--output", output);
  }

  private static String run(Object... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine command = Ablate.commandLine();
    command.setOut(new PrintWriter(out));
    command.setErr(new PrintWriter(err));
    List<String> line = new ArrayList<>();
    Stream.of(arguments).map(Object::toString).forEach(line::add);
    line.add("--quiet");
    int exit = command.execute(line.toArray(String[]::new));
    assertThat(exit).as(err.toString()).isZero();
    return out.toString();
  }

  @Test
  void optionsMakeAJob(@TempDir Path folder) throws IOException {
    Path made = folder.resolve("run");
    assertThat(
            run(
                "--target",
                "blueprint",
                "--steps",
                1,
                "--images",
                1,
                "--no-images",
                "--output",
                made))
        .contains("Trained to remove the style 'blueprint' from the model 'emoji'");
    AblationJob job =
        AblationJob.parse(
            """
            {"targets": [{"name": "blueprint", "anchor": {"images": 1}}],
             "method": {"training": {"steps": 1}}, "evaluation": "none"}
            """,
            "job",
            folder,
            JobRoot.anywhere());
    assertThat(AblationJob.read(made.resolve("job.json")))
        .extracting(AblationJob::targets, each -> each.method().training(), AblationJob::evaluation)
        .containsExactly(job.targets(), job.method().training(), job.evaluation());
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
  void theSheetShowsEveryPairOfImages() throws IOException {
    BufferedImage sheet = ImageIO.read(output.resolve("before-after.png").toFile());
    // Seven rows of six pairs, each image twice its size.
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
        .contains("Trained to remove the style 'blueprint' from the model 'emoji': ")
        .contains("% of its images no longer show it.")
        .contains("anchor images     " + IMAGES, "training steps    " + STEPS, "peak memory")
        .contains(output.toString());
    assertThat(output.resolve("summary.txt")).content().contains("neighbours").contains("ratio");
  }

  @Test
  void theReportHasTheNumbersOfTheSummaryAndTheTargetInOtherWords() throws IOException {
    EvaluationResult evaluation = evaluation();
    MetricResult change =
        evaluation.of(Role.TARGET).get(0).metrics().stream()
            .map(each -> each.ablated())
            .filter(each -> each.metric().equals("mean squared change"))
            .findFirst()
            .orElseThrow();
    assertThat(change.value()).isCloseTo(number("target"), within(1e-5));
    assertThat(change.interval()).isNotNull();
    assertThat(evaluation.attacks())
        .extracting(AttackResult::name)
        .containsExactly("misspelled", "other case", "split");
    assertThat(printed).contains("  misspelled        the target in ");
  }

  private EvaluationResult evaluation() throws IOException {
    String json = Files.readString(output.resolve("report.json"));
    return EvaluationResult.fromJson(
        JsonParser.parseString(json).getAsJsonObject().get("evaluation").toString());
  }

  /**
   * Runs where there is Chromium, and draws the image that the README shows. It is of the page of
   * this short run, or of {@code -Dablation.report=page.html}.
   */
  @ParameterizedTest
  @CsvSource({"1280, 912, report.png", "500, 1400, report-narrow.png"})
  void aBrowserDrawsTheReport(int width, int height, String name) throws Exception {
    String chromium = chromium();
    assumeThat(chromium).as("no chromium on the PATH nor in -Dablation.chromium").isNotEmpty();
    String given = System.getProperty("ablation.report", "");
    Path page = given.isBlank() ? output.resolve("report.html") : Path.of(given);
    Path image = Files.createDirectories(Path.of("target", "screenshots")).resolve(name);
    Files.deleteIfExists(image);
    Process process =
        new ProcessBuilder(
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--user-data-dir=" + output.resolveSibling("profile"),
                "--window-size=%d,%d".formatted(width, height),
                "--virtual-time-budget=4000",
                "--screenshot=" + image.toAbsolutePath(),
                page.toUri().toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    BufferedImage drawn = ImageIO.read(image.toFile());
    assertThat(drawn.getWidth()).isEqualTo(width);
    assertThat(drawn.getHeight()).isEqualTo(height);
    // Text and cards alone have few colours; images have many.
    assertThat(
            Arrays.stream(drawn.getRGB(0, height / 2, width, height / 2, null, 0, width))
                .distinct()
                .count())
        .isGreaterThan(1000);
  }

  private static String chromium() {
    String named = System.getProperty("ablation.chromium", "");
    return !named.isBlank()
        ? named
        : Stream.of(System.getenv().getOrDefault("PATH", "").split(":"))
            .map(directory -> Path.of(directory, "chromium"))
            .filter(Files::isExecutable)
            .map(Path::toString)
            .findFirst()
            .orElse("");
  }

  private double number(String name) {
    Matcher found =
        Pattern.compile("^  " + name + " +([0-9.]+)$", Pattern.MULTILINE).matcher(printed);
    assertThat(found.find()).as(printed).isTrue();
    return Double.parseDouble(found.group(1));
  }
}
