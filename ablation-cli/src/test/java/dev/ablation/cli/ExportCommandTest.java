package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.ablation.AblationResult;
import dev.ablation.Ablator;
import dev.ablation.closedform.ClosedForm;
import dev.ablation.concept.Concept;
import dev.ablation.delta.WeightDelta;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.lora.LoraFile;
import dev.ablation.emoji.EmbeddedModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** A change leaves the library in the forms that other programs read. */
class ExportCommandTest {
  @TempDir private static Path folder;

  private static Path delta;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeAll
  static void removeAStyle() throws IOException {
    delta = folder.resolve("delta.safetensors");
    try (StableDiffusion model = EmbeddedModel.open();
        AblationResult result =
            Ablator.of(model)
                .target(Concept.style("blueprint"))
                .anchor("twemoji")
                .trainer(ClosedForm.sequences())
                .run()) {
      result.delta().save(delta);
    }
  }

  private int export(String... arguments) {
    CommandLine command = Ablate.commandLine();
    command.setOut(new PrintWriter(out));
    command.setErr(new PrintWriter(err));
    String[] all = new String[arguments.length + 3];
    all[0] = "export";
    all[1] = "--delta";
    all[2] = delta.toString();
    System.arraycopy(arguments, 0, all, 3, arguments.length);
    return command.execute(all);
  }

  @ParameterizedTest
  @CsvSource({"lora", "kohya"})
  void aClosedFormBecomesALoraFile(String format) throws IOException {
    Path file = folder.resolve(format + ".safetensors");
    int exit = export("--format", format, "--rank", "8", "--output", file.toString(), "--json");
    assertThat(exit).as(err.toString()).isZero();
    JsonObject told = JsonParser.parseString(out.toString()).getAsJsonObject();
    assertThat(told.get("rank").getAsInt()).isBetween(1, 8);
    assertThat(told.get("relativeError").getAsDouble()).isBetween(0.0, 0.9);
    try (StableDiffusion model = EmbeddedModel.open();
        WeightDelta whole = WeightDelta.load(delta, model.manager());
        WeightDelta lora = LoraFile.load(file, model)) {
      assertThat(lora.names()).isEqualTo(whole.names());
      try (WeightDelta resolved = whole.resolved(model);
          WeightDelta minus = lora.scaledBy(-1);
          WeightDelta rest = resolved.plus(minus)) {
        assertThat(rest.norm() / resolved.norm())
            .isCloseTo(told.get("relativeError").getAsDouble(), within(1e-3));
      }
    }
  }

  @Test
  void aRankIsForLoraFiles() {
    Path file = folder.resolve("sum.safetensors");
    assertThat(export("--format", "delta", "--rank", "8", "--output", file.toString())).isNotZero();
    assertThat(err.toString()).contains("--rank");
    assertThat(Files.exists(file)).isFalse();
  }

  @Test
  void aCheckpointIsAFolder() throws IOException {
    Path written = folder.resolve("model");
    assertThat(export("--output", written.toString())).as(err.toString()).isZero();
    try (StableDiffusion model = StableDiffusion.load(written);
        StableDiffusion base = EmbeddedModel.open()) {
      assertThat(model.weights().sha256()).isNotEqualTo(base.weights().sha256());
    }
  }
}
