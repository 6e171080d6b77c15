package dev.ablation.emoji.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ablation.emoji.CopyThreshold;
import dev.ablation.emoji.EmbeddedEvaluator.Label;
import dev.ablation.emoji.EmbeddedEvaluator.Verdict;
import dev.ablation.emoji.UntrainedEvaluator;
import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.safetensors.SafetensorsFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

@Tag("slow")
class MeasureEmojiTest {
  private static final List<EvaluationPrompt> ASKED =
      List.of(
          EvaluationPrompt.pair("owl", "ink"),
          EvaluationPrompt.pair("owl", "noto"),
          EvaluationPrompt.pair("rocket", "ink"),
          EvaluationPrompt.withoutStyle("rocket"));

  @TempDir private Path folder;

  private static Verdict verdict(String concept, String style) {
    return new Verdict(new Label(style, 0.5, 0.1), new Label(concept, 0.5, 0.1), 0);
  }

  private static final List<Verdict> VERDICTS =
      List.of(
          verdict("owl", "ink"),
          verdict("owl", "ink"),
          verdict("owl", "ink"),
          verdict("rocket", "noto"));

  @Test
  void captionsAreTheModels() {
    assertThat(ASKED.stream().map(EvaluationPrompt::caption))
        .containsExactly(
            "an owl in ink style",
            "an owl in noto style",
            "a rocket in ink style",
            "a rocket emoji");
  }

  @Test
  void countsWhatIsRight() {
    assertThat(count(EvaluationPrompt::styleIs, Set.of()))
        .contains(new MeasuredValue(Quantity.PAIR_STYLE, 0.5, 4, ""));
    assertThat(count(EvaluationPrompt::conceptIs, Set.of()))
        .contains(new MeasuredValue(Quantity.PAIR_STYLE, 0.75, 4, ""));
    Set<DataSetIndex.Pair> leftOut = Set.of(new DataSetIndex.Pair("owl", "noto"));
    assertThat(count(EvaluationPrompt::conceptIs, leftOut))
        .hasValueSatisfying(
            finding -> assertThat(finding.value()).isCloseTo(2 / 3.0, within(1e-12)));
    assertThat(
            EvaluationPrompt.share(
                Quantity.PAIR_STYLE,
                List.of(EvaluationPrompt.pair("owl", "noto")),
                List.of(verdict("owl", "noto")),
                leftOut,
                EvaluationPrompt::styleIs))
        .isEmpty();
  }

  private static Optional<MeasuredValue> count(
      BiPredicate<EvaluationPrompt, Verdict> right, Set<DataSetIndex.Pair> leftOut) {
    return EvaluationPrompt.share(Quantity.PAIR_STYLE, ASKED, VERDICTS, leftOut, right);
  }

  @Test
  void reportsTheMostFrequentStyle() {
    assertThat(DrawnParts.commonest(VERDICTS))
        .isEqualTo(new MeasuredValue(Quantity.NO_STYLE_COMMONEST, 0.75, 4, "ink"));
  }

  @Test
  void aRatioOfPeakAndNoiseIsTheMeanOverImages() {
    float[] black = new float[3 * 64 * 64];
    float[] off = new float[3 * 64 * 64];
    Arrays.fill(off, 0.2f); // a tenth of the range from -1 to 1
    float[] farOff = new float[3 * 64 * 64];
    Arrays.fill(farOff, 7); // cut to 1: half of the range
    assertThat(RealParts.psnr(List.of(black), List.of(off))).isCloseTo(20, within(1e-5));
    assertThat(RealParts.psnr(List.of(black, black), List.of(off, farOff)))
        .isCloseTo((20 + 10 * Math.log10(4)) / 2, within(1e-5));
  }

  @Test
  void partsAreTakenTogether() throws IOException {
    MeasuredValues pairs =
        new MeasuredValues(
            List.of(
                MeasuredValue.share(Quantity.OTHER_COPIES, 1, 10),
                MeasuredValue.share(Quantity.PAIR_STYLE, 9, 10)));
    MeasuredValues plain =
        new MeasuredValues(List.of(MeasuredValue.share(Quantity.OTHER_COPIES, 0, 90)));
    pairs.save(folder.resolve("pairs.json"));
    assertThat(MeasuredValues.read(folder.resolve("pairs.json"))).isEqualTo(pairs);
    MeasuredValues all = MeasuredValues.together(List.of(pairs, plain));
    assertThat(all.findings())
        .containsExactly(
            MeasuredValue.share(Quantity.PAIR_STYLE, 9, 10),
            MeasuredValue.share(Quantity.OTHER_COPIES, 1, 100));
    assertThat(all.markdown())
        .contains("| trained pairs: style correct | >= 98 % | 90.0 % | ")
        .contains("| <= 1 % | 1.0 % | ")
        .contains(" | 100 |");
    assertThat(all.csv()).contains("pair_style,0.900000,0.").contains(",10,\"\"");
    Files.writeString(folder.resolve("pairs.json"), "{");
    assertThatIOException()
        .isThrownBy(() -> MeasuredValues.read(folder.resolve("pairs.json")))
        .withMessageContaining("pairs.json");
  }

  @Test
  void measuresAndGoesOnWhereItWasStopped() throws IOException {
    Path evaluator = folder.resolve("evaluator");
    UntrainedEvaluator.write(evaluator, folder);
    Path output = folder.resolve("output");
    String[] arguments = {
      "--quick",
      "--quiet",
      "--threads=1",
      "--batch=16",
      "--steps=2",
      "--evaluator=" + evaluator,
      "--output=" + output
    };
    assertThat(run(arguments)).isEmpty();
    String report = Files.readString(output.resolve("results.md"));
    for (Quantity quantity : Quantity.values()) {
      boolean mayBeMissing = quantity.name().contains("HELD_OUT_");
      if (!mayBeMissing) {
        assertThat(report).contains(quantity.label());
      }
    }
    assertThat(report).contains("- tornado, noto and blob: ").contains("quick");
    assertThat(output.resolve("pairs.png")).exists();
    assertThat(Files.readAllLines(output.resolve("planted.csv")))
        .hasSize(7)
        .allMatch(line -> line.split(",", -1).length == 9);
    assertThat(CopyThreshold.read(output.resolve(CopyThreshold.FILE)).copies()).isEqualTo(16);

    var before = Files.getLastModifiedTime(output.resolve("pairs.png"));
    Files.delete(output.resolve("speed.json"));
    assertThat(run(arguments)).isEmpty();
    assertThat(Files.getLastModifiedTime(output.resolve("pairs.png"))).isEqualTo(before);
    assertThat(output.resolve("speed.json")).exists();

    arguments[4] = "--steps=3";
    assertThat(run(arguments)).contains("settings.json").contains("steps=2").contains("steps=3");
  }

  @Test
  void writesWhatAnotherImplementationNeedsToDrawTheSame() throws IOException {
    Path file = folder.resolve("parity.safetensors");
    assertThat(run("--parity", file.toString(), "--steps", "2", "--threads", "1")).isEmpty();
    try (SafetensorsFile read = SafetensorsFile.open(file);
        NDManager manager = NDManager.newBaseManager("PyTorch")) {
      assertThat(read.metadata())
          .containsEntry("steps", "2")
          .containsEntry("guidance_scale", "4.0");
      assertThat(read.metadata().get("prompts")).contains("a cat face in noto style");
      NDArray images = read.read("images", manager);
      assertThat(images.getShape()).isEqualTo(new Shape(8, 3, 64, 64));
      assertThat(images.min().getFloat()).isNotNegative();
      assertThat(images.max().getFloat()).isBetween(0.5f, 1f);
      assertThat(read.read("latents", manager).getShape()).isEqualTo(new Shape(8, 4, 16, 16));
    }
  }

  /** Runs the command and returns its errors. */
  private static String run(String... arguments) {
    StringWriter errors = new StringWriter();
    CommandLine command =
        MeasureEmoji.commandLine()
            .setErr(new PrintWriter(errors, true))
            .setOut(new PrintWriter(new StringWriter()));
    command.execute(arguments);
    return errors.toString();
  }
}
