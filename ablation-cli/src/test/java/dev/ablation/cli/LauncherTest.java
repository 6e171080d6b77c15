package dev.ablation.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher of the distribution, with a stand-in for Java that prints the environment and the
 * arguments it gets.
 */
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {
  private static final Path ROOT = Path.of(System.getProperty("ablation.root"));
  private static final String SPY =
      "#!/bin/sh\necho \"OMP=$OMP_WAIT_POLICY\"\nfor a in \"$@\"; do echo \"$a\"; done\nexit 7\n";

  @TempDir private Path folder;
  private Path home;

  @BeforeEach
  void unpack() throws IOException {
    home = Files.createDirectories(folder.resolve("with blank"));
    Files.createDirectories(home.resolve("bin"));
    Files.createDirectories(home.resolve("lib"));
    Files.copy(ROOT.resolve("ablation-cli/src/dist/bin/ablate"), home.resolve("bin/ablate"));
    assertThat(home.resolve("bin/ablate").toFile().setExecutable(true)).isTrue();
    Files.createFile(home.resolve("lib/a.jar"));
    Files.createFile(home.resolve("lib/b.jar"));
  }

  private Path java(Path runtime, String version) throws IOException {
    Path java = Files.createDirectories(runtime.resolve("bin")).resolve("java");
    Files.writeString(java, SPY);
    assertThat(java.toFile().setExecutable(true)).isTrue();
    Files.writeString(runtime.resolve("release"), "A=\"b\"\nJAVA_VERSION=\"" + version + "\"\n");
    return runtime;
  }

  private record Started(int code, List<String> lines) {}

  private Started start(Map<String, String> environment, Path program, String... arguments)
      throws Exception {
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    for (String name : List.of("JAVA_HOME", "ABLATE_OPTS", "ABLATE_CDS", "OMP_WAIT_POLICY")) {
      builder.environment().remove(name);
    }
    builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
    builder.environment().putAll(environment);
    Process process = builder.start();
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), UTF_8).lines().toList();
    return new Started(process.waitFor(), lines);
  }

  @Test
  void passesArgumentsAndTheExitCodeOn() throws Exception {
    java(home.resolve("runtime"), "17.0.2");
    Started started = start(Map.of(), home.resolve("bin/ablate"), "--target", "cat face", "");
    assertThat(started.code()).isEqualTo(7);
    assertThat(started.lines())
        .containsExactly(
            "OMP=PASSIVE",
            "-Djava.awt.headless=true",
            "-classpath",
            home.toRealPath().resolve("lib/a.jar") + ":" + home.toRealPath().resolve("lib/b.jar"),
            "dev.ablation.cli.Ablate",
            "--target",
            "cat face",
            "");
  }

  @Test
  void takesItsOwnRuntimeThenJavaHome() throws Exception {
    Path other = java(folder.resolve("other"), "17");
    Map<String, String> environment =
        Map.of("JAVA_HOME", other.toString(), "ABLATE_OPTS", "-Da -Db");
    assertThat(start(environment, home.resolve("bin/ablate")).lines()).contains("-Da", "-Db");
    java(home.resolve("runtime"), "11.0.1");
    assertThat(start(environment, home.resolve("bin/ablate")).lines())
        .containsExactly(
            "ablate: needs Java 17 or newer, "
                + home.toRealPath().resolve("runtime/bin/java")
                + " is Java 11");
  }

  @Test
  void saysWhatIsWrongWithJavaHome() throws Exception {
    Started started = start(Map.of("JAVA_HOME", "/nowhere"), home.resolve("bin/ablate"));
    assertThat(started.code()).isEqualTo(ExitCode.FAILED);
    assertThat(started.lines())
        .containsExactly("ablate: JAVA_HOME is /nowhere, which has no bin/java");
  }

  @Test
  void givesEachJavaTheOptionsThatItKnows() throws Exception {
    Path program = home.resolve("bin/ablate");
    Path archive = folder.resolve("cache/ablation/with blank.jsa");
    for (String old : List.of("17.0.15", "18")) {
      java(home.resolve("runtime"), old);
      assertThat(start(Map.of(), program).lines()).noneMatch(line -> line.contains("Archive"));
    }
    java(home.resolve("runtime"), "19.0.1");
    assertThat(start(Map.of(), program).lines())
        .contains("-XX:SharedArchiveFile=" + archive, "-XX:+AutoCreateSharedArchive")
        .doesNotContain("--enable-native-access=ALL-UNNAMED");
    java(home.resolve("runtime"), "25");
    assertThat(start(Map.of(), program).lines())
        .contains("-XX:+AutoCreateSharedArchive", "--enable-native-access=ALL-UNNAMED");
    assertThat(start(Map.of("ABLATE_CDS", "off"), program).lines())
        .contains("--enable-native-access=ALL-UNNAMED")
        .noneMatch(line -> line.contains("Archive"));
  }

  @Test
  void isStartedThroughLinks() throws Exception {
    java(home.resolve("runtime"), "17");
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("with blank/bin/ablate"));
    Path second = Files.createSymbolicLink(folder.resolve("second"), link);
    assertThat(start(Map.of(), second, "x").lines()).endsWith("dev.ablation.cli.Ablate", "x");
  }

  /** Both launchers start the same class with the same libraries. */
  @Test
  void theOneForWindowsStartsTheSame() throws IOException {
    assertThat(Files.readString(ROOT.resolve("ablation-cli/src/dist/bin/ablate.cmd")))
        .contains("-classpath \"%ABLATE_DIR%\\lib\\*\" " + Ablate.class.getName() + " %*")
        .contains("-Djava.awt.headless=true", "OMP_WAIT_POLICY=PASSIVE")
        .contains("exit /b %ERRORLEVEL%");
  }
}
