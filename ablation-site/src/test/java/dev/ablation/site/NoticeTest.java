package dev.ablation.site;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** NOTICE names what the modules need at run time, and nothing else. */
class NoticeTest {
  private static final Path ROOT = Path.of(System.getProperty("ablation.root"));
  private static final Path RESOLVED = Path.of("target", "dependencies.txt");
  private static final Pattern NAMED =
      Pattern.compile("^- ([\\w.-]+:[\\w.-]+) +(\\S.*)$", Pattern.MULTILINE);

  /** Licences under which an Apache-2.0 product may pass a library on, unchanged. */
  private static final Set<String> LICENCES =
      Set.of("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "EPL-2.0", "CC0-1.0");

  /** At run time of ablation-testkit and ablation-cli; here the parent's scope test hides them. */
  private static final Set<String> HIDDEN =
      Set.of(
          "net.bytebuddy:byte-buddy",
          "org.apiguardian:apiguardian-api",
          "org.assertj:assertj-core",
          "org.junit.jupiter:junit-jupiter",
          "org.junit.jupiter:junit-jupiter-api",
          "org.junit.jupiter:junit-jupiter-engine",
          "org.junit.jupiter:junit-jupiter-params",
          "org.junit.platform:junit-platform-commons",
          "org.junit.platform:junit-platform-engine",
          "org.opentest4j:opentest4j",
          "org.slf4j:slf4j-simple");

  private static TreeMap<String, String> named() throws IOException {
    return NAMED
        .matcher(Files.readString(ROOT.resolve("NOTICE")))
        .results()
        .collect(
            Collectors.toMap(
                each -> each.group(1),
                each -> each.group(2).strip(),
                (one, other) -> one + ", " + other,
                TreeMap::new));
  }

  /** group:artifact of what Maven resolved: group:artifact:type[:classifier]:version:scope. */
  private static TreeSet<String> resolved() throws IOException {
    return Files.readAllLines(RESOLVED).stream()
        .map(line -> line.replaceAll("\\x1B\\[[0-9;]*m", "").strip().split(" ")[0])
        .filter(line -> line.matches("[\\w.-]+(:[\\w.-]+){4,5}"))
        .map(line -> line.split(":")[0] + ":" + line.split(":")[1])
        .filter(name -> !name.startsWith("dev.ablation:"))
        .filter(name -> !name.startsWith("org.commonmark:")) // only of this module
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void namesEveryDependencyAtRunTime() throws IOException {
    TreeSet<String> resolved = resolved();
    assertThat(resolved).contains("ai.djl:api", "org.springframework:spring-core");
    resolved.addAll(HIDDEN);
    assertThat(named().keySet()).isEqualTo(resolved);
  }

  @Test
  void theHiddenOnesAreStillThere() {
    String path =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    assertThat(HIDDEN).allSatisfy(name -> assertThat(path).contains(name.split(":")[1] + "-"));
  }

  @Test
  void givesEachALicenceThatAllowsToPassItOn() throws IOException {
    assertThat(named())
        .allSatisfy((name, licences) ->
            assertThat(LICENCES).as(name).containsAll(List.of(licences.split(" and "))));
  }

  /** The list above is complete only if this module depends on all others that are no examples. */
  @Test
  void allModulesAreAmongTheDependencies() throws IOException {
    String resolved = Files.readString(RESOLVED);
    for (MatchResult module :
        Pattern.compile("<module>(.*)</module>")
            .matcher(Files.readString(ROOT.resolve("pom.xml")))
            .results()
            .toList()) {
      String name = module.group(1);
      if (!Set.of("ablation-bom", "ablation-examples", "ablation-site", "ablation-benchmarks")
          .contains(name)) {
        assertThat(resolved).contains("dev.ablation:" + name + ":");
      }
    }
  }
}
