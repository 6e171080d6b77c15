package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The BOM has every published module and nothing else. */
class BomTest {
  private static final Path ROOT = Path.of(System.getProperty("ablation.root"));

  private static List<String> found(Path file, String pattern) throws IOException {
    return Pattern.compile(pattern)
        .matcher(Files.readString(file))
        .results()
        .map((MatchResult each) -> each.group(1))
        .toList();
  }

  @Test
  void everyPublishedModuleIsInIt() throws IOException {
    Path bom = ROOT.resolve("ablation-bom/pom.xml");
    List<String> managed = found(bom, "<artifactId>(ablation-\\w+)</artifactId>");
    for (String module : found(ROOT.resolve("pom.xml"), "<module>(ablation-\\w+)</module>")) {
      String pom = Files.readString(ROOT.resolve(module).resolve("pom.xml"));
      boolean published = !pom.contains("<maven.deploy.skip>true");
      assertThat(managed.contains(module)).as(module).isEqualTo(published);
    }
  }

  @Test
  void itsVersionIsThatOfTheParent() throws IOException {
    String first = "(?s)<artifactId>ablation-\\w+</artifactId>\\s*<version>([^<$]+)</version>";
    String version = found(ROOT.resolve("pom.xml"), first).get(0);
    assertThat(found(ROOT.resolve("ablation-bom/pom.xml"), first)).containsOnly(version);
    assertThat(found(ROOT.resolve("ablation-examples/pom.xml"), first)).containsOnly(version);
  }
}
