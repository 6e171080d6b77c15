package dev.ablation.emoji.dataset.rebuild;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class RebuildDataSetTest {
  @TempDir private Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void explainsItself() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("rebuild-data-set", "--npm", "--output", "--check");
  }

  @Test
  void namesTheArtifactThatIsNotThere() {
    assertThat(run("--output", folder.toString())).isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(err.toString())
        .startsWith("rebuild-data-set: the class path lacks ")
        .contains("org.webjars.npm:iconify__json:");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void namesThePackageThatIsNotThere() {
    assertThat(run("--npm", folder.toString(), "--output", folder.toString()))
        .isEqualTo(CommandLine.ExitCode.SOFTWARE);
    assertThat(err.toString()).contains("no file ", "@iconify-json/noto@");
  }

  @Test
  void refusesAnUnknownOption() {
    assertThat(run("--fast")).isEqualTo(CommandLine.ExitCode.USAGE);
  }

  private int run(String... args) {
    return RebuildDataSet.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(args);
  }
}
