package dev.ablation.site;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What a release consists of agrees with what it is made from. */
class ReleaseTest {
  private static final Path ROOT = Path.of(System.getProperty("ablation.root"));

  private static String text(String file) throws IOException {
    return Files.readString(ROOT.resolve(file));
  }

  private static List<String> found(String text, String pattern) {
    return Pattern.compile(pattern)
        .matcher(text)
        .results()
        .map((MatchResult each) -> each.group(1))
        .toList();
  }

  private static String version() throws IOException {
    return found(text("pom.xml"), "<artifactId>ablation-parent</artifactId>\\s*<version>(.*)</")
        .get(0);
  }

  private static List<String> modules() throws IOException {
    return found(text("pom.xml"), "<module>(.*)</module>");
  }

  private static boolean isPublished(String module) throws IOException {
    return !text(module + "/pom.xml").contains("<maven.deploy.skip>true");
  }

  @Test
  void theBomHasEveryPublishedModuleAndNothingElse() throws IOException {
    List<String> published = new java.util.ArrayList<>();
    for (String module : modules()) {
      if (isPublished(module) && !module.equals("ablation-bom")) {
        published.add(module);
      }
    }
    String bom = text("ablation-bom/pom.xml");
    String managed =
        bom.substring(bom.indexOf("<dependencyManagement>"), bom.indexOf("<profiles>"));
    assertThat(found(managed, "<artifactId>(.*)</artifactId>"))
        .containsExactlyInAnyOrderElementsOf(published);
  }

  @Test
  void theModulesThatAreNotPublishedAreLeftOutOfTheUpload() throws IOException {
    List<String> left = found(text("pom.xml"), "<excludeArtifact>(.*)</excludeArtifact>");
    for (String module : modules()) {
      assertThat(left.contains(module)).as(module).isEqualTo(!isPublished(module));
    }
  }

  @Test
  void everyModuleHasTheVersionOfTheParent() throws IOException {
    for (String module : modules()) {
      assertThat(
              found(
                  text(module + "/pom.xml"),
                  "<artifactId>ablation-[\\w-]+</artifactId>\\s*<version>([^<$]+)</version>"))
          .as(module)
          .isNotEmpty()
          .containsOnly(version());
    }
  }

  /** Maven Central rejects POMs without these. */
  @Test
  void everyPublishedModuleSaysWhatCentralAsksFor() throws IOException {
    for (String file : List.of("pom.xml", "ablation-bom/pom.xml")) {
      assertThat(text(file))
          .contains("<licenses>", "<scm>", "<developers>", "<url>${ablation.repository}</url>")
          .contains("<artifactId>maven-gpg-plugin</artifactId>")
          .contains("<artifactId>central-publishing-maven-plugin</artifactId>");
    }
    for (String module : modules()) {
      assertThat(text(module + "/pom.xml")).as(module).contains("<name>", "<description>");
    }
    assertThat(found(text("pom.xml"), "<(project.build.outputTimestamp>[^<]+)<"))
        .isEqualTo(found(text("ablation-bom/pom.xml"), "<(project.build.outputTimestamp>[^<]+)<"));
  }

  @Test
  void theChangelogBeginsWithWhatIsUnreleasedOrTheVersion() throws IOException {
    String newest = found(text("CHANGELOG.md"), "(?m)^## \\[(.*)\\]").get(0);
    assertThat(newest).isEqualTo(version().endsWith("-SNAPSHOT") ? "Unreleased" : version());
  }

  /** The README's and the catalog's one-liner start the class that the jar's manifest names. */
  @Test
  void jbangFindsTheCommandLine() throws IOException {
    String coordinates = "dev.ablation:ablation-cli:" + version().replace("-SNAPSHOT", "");
    assertThat(text("README.md")).contains("jbang " + coordinates + " --target blueprint");
    assertThat(found(text("jbang-catalog.json"), "\"script-ref\": \"(.*)\""))
        .containsExactly(coordinates);
    assertThat(found(text("ablation-cli/pom.xml"), "<mainClass>(.*)</mainClass>"))
        .allSatisfy(
            name -> assertThat(Class.forName(name).getMethod("main", String[].class)).isNotNull())
        .containsExactlyElementsOf(found(text("jbang-catalog.json"), "\"main\": \"(.*)\""));
  }
}
