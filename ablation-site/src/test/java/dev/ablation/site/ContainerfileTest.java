package dev.ablation.site;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The Containerfile, which no test builds, names what exists. */
class ContainerfileTest {
  private static final Path ROOT = Path.of(System.getProperty("ablation.root"));

  private static List<List<String>> instructions(String name) throws IOException {
    String text = Files.readString(ROOT.resolve("Containerfile")).replace("\\\n", " ");
    return text.lines()
        .filter(line -> line.startsWith(name + " "))
        .map(line -> Arrays.asList(line.substring(name.length()).strip().split("\\s+")))
        .toList();
  }

  private static List<String> ignored() throws IOException {
    return Files.readAllLines(ROOT.resolve(".dockerignore"));
  }

  private static String all() throws IOException {
    return Files.readString(ROOT.resolve("Containerfile"));
  }

  @Test
  void basesAreFullyNamedAndHaveAJavaThatTheBuildTakes() throws IOException {
    Pattern image =
        Pattern.compile("docker\\.io/library/[\\w.-]+:([\\w.-]*temurin-)?(\\d+)[\\w.-]*");
    for (List<String> from : instructions("FROM")) {
      assertThat(from.get(0)).matches(image.pattern()).doesNotContain("alpine");
      MatchResult parts = image.matcher(from.get(0)).results().findFirst().orElseThrow();
      // Spotless and the strict checks of the build need 21; 17 would do to run.
      assertThat(Integer.parseInt(parts.group(2))).isGreaterThanOrEqualTo(21);
    }
  }

  @Test
  void whatIsCopiedExists() throws IOException {
    for (List<String> copy : instructions("COPY")) {
      if (copy.get(0).startsWith("--from=")) {
        String stage = copy.get(0).substring("--from=".length());
        assertThat(instructions("FROM")).anyMatch(from -> from.contains(stage));
        assertThat(all()).contains("mkdir " + copy.get(1));
      } else {
        for (String source : copy.subList(0, copy.size() - 1)) {
          assertThat(ROOT.resolve(source)).exists();
        }
      }
    }
  }

  @Test
  void whatTheBuildReadsIsNotIgnored() throws IOException {
    for (String pattern : ignored()) {
      PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
      for (String needed :
          List.of("pom.xml", "LICENSE", "NOTICE", "ablation-cli/src/dist/bin/ablate", ".mvn")) {
        assertThat(matcher.matches(Path.of(needed))).as(pattern + " and " + needed).isFalse();
      }
    }
  }

  /** The Maven command's module and profile exist, and it makes the file that is unpacked. */
  @Test
  void theBuildMakesWhatIsUnpacked() throws IOException {
    String cli = Files.readString(ROOT.resolve("ablation-cli/pom.xml"));
    assertThat(all()).contains("-Pdist -pl ablation-cli -am");
    assertThat(cli)
        .contains("<id>dist</id>", "<finalName>ablation-${project.version}-")
        .contains("<outputDirectory>${project.build.directory}/dist</outputDirectory>");
    assertThat(all()).contains("ablation-cli/target/dist/ablation-*.tar.gz");
    assertThat(Files.readString(ROOT.resolve("ablation-cli/src/dist/assembly.xml")))
        .contains("<format>tar.gz</format>", "<baseDirectory>ablation-${project.version}");
  }

  @Test
  void whatIsStartedIsPartOfTheDistribution() throws IOException {
    Pattern program = Pattern.compile("/opt/ablation/(bin/\\w+)");
    List<MatchResult> programs = program.matcher(all()).results().toList();
    assertThat(programs).hasSizeGreaterThanOrEqualTo(2);
    for (MatchResult each : programs) {
      assertThat(ROOT.resolve("ablation-cli/src/dist").resolve(each.group(1))).isExecutable();
    }
  }

  @Test
  void nothingRunsAsRoot() throws IOException {
    assertThat(instructions("USER")).hasSize(1);
    assertThat(all().indexOf("\nUSER ")).isLessThan(all().indexOf("\nENTRYPOINT "));
    assertThat(instructions("USER").get(0)).doesNotContain("root", "0");
  }
}
