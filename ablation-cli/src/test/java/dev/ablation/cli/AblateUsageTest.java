package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.emoji.EmbeddedModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What the command line says before any work begins. */
class AblateUsageTest {
  @TempDir private Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int ablate(String... args) {
    CommandLine command = Ablate.commandLine();
    command.setOut(new PrintWriter(out));
    command.setErr(new PrintWriter(err));
    return command.execute(args);
  }

  @Test
  void helpExplainsEveryOption() {
    assertThat(ablate("--help")).isZero();
    assertThat(out.toString())
        .contains("--target", "--kind", "--anchor", "--model", "--steps", "--output", "--device")
        .contains("ablate --target blueprint")
        .contains("before-after.png", "report.html", "report.json")
        .contains("and %d more".formatted(EmbeddedModel.concepts().size() - 3));
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void namesTheMethodsAndWhatTheyDoNotHave() {
    assertThat(ablate("--target", "ink", "--method", "magic")).isEqualTo(2);
    assertThat(err.toString())
        .contains(
            "must be one of gradient, closed-form, polished, resistant, uce, rece, orthogonal,",
            "esd-x, esd-x-strict, esd-u, sdd, leco, spm, hirm, task-vector")
        .contains("was 'magic'");
    assertThat(ablate("--target", "ink", "--method", "uce", "--steps", "3")).isEqualTo(2);
    assertThat(err.toString()).contains("--steps is of training by gradients, --method was uce");
    assertThat(ablate("--target", "ink", "--method", "resistant", "--images", "3")).isEqualTo(2);
    assertThat(err.toString()).contains("--images is not of --method resistant");
    assertThat(ablate("--target", "ink", "--method", "spm", "--frozen-teacher")).isEqualTo(2);
    assertThat(err.toString()).contains("--frozen-teacher is not of --method spm");
    assertThat(
            ablate(
                "--model m --kind style --target a --anchor b --preset paper --method sdd"
                    .split(" ")))
        .isEqualTo(2);
    assertThat(err.toString())
        .contains("--preset is not of --method sdd, which has published settings of its own");
  }

  @Test
  void printsItsVersion() {
    assertThat(ablate("--version")).isZero();
    assertThat(out.toString()).startsWith("ablate ");
  }

  @Test
  void listsWhatTheModelKnows() {
    assertThat(ablate("--list")).isZero();
    assertThat(out.toString())
        .contains("styles: noto", "animal: cat face, dog face", "sky: sun")
        .hasLineCount(22);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "                                              | Missing required option: '--target",
        "--target cubism                               | --target must be a style or object that the emoji model knows, was 'cubism'",
        "--target cubism --kind style                  | --target: style must be one that the emoji model knows",
        "--target noto --kind instance                 | --target: instance must be one that the emoji model",
        "--target noto --kind colour                   | '--kind': must be one of [style, instance,",
        "--target noto --kind composition              | --kind must be style, instance or memorized",
        "--target noto --target owl --anchor ink       | --anchor must be given once per --target",
        "--target planted --anchor animal              | --anchor is not for the planted image",
        "--target noto --target noto                   | --target must be named once",
        "--target noto --anchor noto                   | --anchor must differ from --target",
        "--target noto --anchor NOTO                   | --anchor must differ from --target",
        "--target noto --anchor cubism                 | --anchor must be one that the emoji model knows",
        "--target owl --anchor unknown                 | --anchor must be one that the emoji model knows",
        "--target noto --steps 0                       | --steps must be positive, was 0",
        "--target noto --steps many                    | '--steps': 'many' is not",
        "--target noto --learning-rate -1              | --learning-rate must be positive, was -1.0",
        "--target noto --images 0                      | --images must be positive, was 0",
        "--target noto --threads -1                    | --threads must not be negative, was -1",
        "--target noto --device tpu                    | '--device': must be cpu, gpu, gpu0, gpu1"
            + " ..., was 'tpu'",
        "--target noto --neighbour ink                 | --neighbour needs --model",
        "--target noto --model somewhere               | --model needs one --target, its --kind",
        "--target noto --preset paper                  | --preset needs --model",
        "--target noto --component vae=x               | --component needs --model",
        "--target a --model b --component vae          | should be in KEY=VALUE format but was vae",
        "--target a --anchor b --model c --kind style --preset mine | --preset must be diffusers"
            + " or",
        "--target a --anchor b --model c --kind memorized-image | needs --anchor-prompts",
        "--target a --anchor b --model c --kind inappropriate-content --preset paper | --preset: preset 'paper'",
        "--target a --anchor A --model b --kind style  | --anchor must differ from --target",
        "--target cat                                  | was 'cat'; did you mean 'cat face'?",
        "--target bluprint                             | was 'bluprint'; did you mean 'blueprint'?",
        "--target noto --anchor bluprint               | was 'bluprint'; did you mean 'blueprint'?",
        "--target a --anchor b --model c --kind style --neighbour d --no-images | --neighbour contradicts --no-images",
        "--target blueprint --attacks quick --no-images | --attacks contradicts --no-images",
        "--target blueprint --attacks swift | Invalid value for option '--attacks'",
        "--target blueprint --attacks none --control c | evaluation.control: needs evaluation.attacks",
        "--target blueprint --evaluator c | --evaluator needs --model",
        "--target blueprint --nearest 0 | --nearest must be positive, was 0",
        "--target blueprint --target ink --alias tinte | --alias needs a single --target, there are 2",
        "--target a --anchor b --model c --kind style --attacks quick | --attacks and --control need --evaluator with --model",
        "--target noto --colour                        | Unknown option: '--colour'",
      })
  void aWrongCommandLineIsOneLineAndAHint(@Nullable String args, String message) {
    String[] words = args == null ? new String[0] : args.split(" ");
    assertThat(ablate(words)).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString())
        .contains(message)
        .endsWith("Try 'ablate --help'." + System.lineSeparator());
    assertThat(err.toString().lines()).hasSize(2);
  }

  @Test
  void anOutputFolderThatIsNotEmptyStaysAsItIs() throws IOException {
    Path file = Files.writeString(folder.resolve("mine.txt"), "mine");
    assertThat(ablate("--target", "noto", "--output", folder.toString())).isEqualTo(1);
    assertThat(err.toString())
        .isEqualToNormalizingNewlines(
            "ablate: %s: is not empty; choose an output folder that does not exist\n"
                .formatted(folder));
    assertThat(file).hasContent("mine");
  }

  @Test
  void anOutputFolderThatCannotBeMadeIsNamed() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    Path output = file.resolve("run");
    assertThat(ablate("--target", "noto", "--output", output.toString())).isEqualTo(1);
    assertThat(err.toString()).startsWith("ablate: ").contains(file.toString());
    assertThat(err.toString().lines()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"no folder", "empty folder", "a file"})
  void aModelFolderThatIsNoneIsNamed(String what) throws IOException {
    Path model = folder.resolve("model");
    switch (what) {
      case "empty folder" -> Files.createDirectory(model);
      case "a file" -> Files.createFile(model);
      default -> assertThat(model).doesNotExist();
    }
    Path output = folder.resolve("out");
    List<String> args =
        List.of(
            "--model",
            model.toString(),
            "--kind",
            "style",
            "--target",
            "Van Gogh",
            "--anchor",
            "painting",
            "--output",
            output.toString());
    assertThat(ablate(args.toArray(String[]::new))).isEqualTo(1);
    assertThat(err.toString()).startsWith("ablate: ").contains(model.toString());
    assertThat(err.toString().lines()).hasSize(1);
    assertThat(output).doesNotExist();
  }

  @Test
  void runsAreNumbered() throws IOException {
    assertThat(RunFolder.createNumbered(folder)).isEqualTo(folder.resolve("001"));
    assertThat(RunFolder.createNumbered(folder)).isEqualTo(folder.resolve("002"));
    Files.createDirectory(folder.resolve("041"));
    Files.createDirectory(folder.resolve("notes"));
    assertThat(RunFolder.createNumbered(folder)).isEqualTo(folder.resolve("042"));
  }
}
