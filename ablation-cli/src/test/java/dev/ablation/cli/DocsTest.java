package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What the documents show is what runs: Java code is quoted from tests, links lead somewhere, and
 * the test command is the one that the build server runs. {@code -Ddocs.update=true} rewrites the
 * quotes.
 */
class DocsTest {
  private static final Path ROOT = Path.of(System.getProperty("ablation.root"));
  private static final Pattern FENCE = Pattern.compile("```(\\w*)\\n(.*?)```", Pattern.DOTALL);
  private static final Pattern QUOTE =
      Pattern.compile("<!-- (\\S+)#(\\S+) -->\\n```java\\n(.*?)```", Pattern.DOTALL);
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#\\s]*)(?:#([^)\\s]*))?[^)]*\\)");
  private static final Pattern CODE = Pattern.compile("`[^`\\n]+`");
  private static final Pattern HEADING = Pattern.compile("^#{1,6} +(.*?)[ #]*$", Pattern.MULTILINE);

  private static final Pattern MAIN = Pattern.compile("-Dablate\\.main=([\\w.]+)");
  private static final Pattern MODULE = Pattern.compile(" -pl (\\S+)");

  private static List<Path> documents() throws IOException {
    List<Path> documents = new ArrayList<>();
    try (Stream<Path> top = Files.list(ROOT);
        Stream<Path> docs = Files.list(ROOT.resolve("docs"))) {
      Stream.concat(top, docs)
          .filter(file -> file.toString().endsWith(".md"))
          .sorted()
          .forEach(documents::add);
    }
    return documents;
  }

  @TestFactory
  Stream<DynamicTest> javaCodeIsQuotedFromTests() throws IOException {
    return documents().stream()
        .map(document -> dynamicTest(name(document), () -> checkQuotes(document)));
  }

  private static void checkQuotes(Path document) throws IOException {
    String text = Files.readString(document);
    long fences =
        FENCE.matcher(text).results().filter(fence -> fence.group(1).equals("java")).count();
    List<MatchResult> quotes = QUOTE.matcher(text).results().toList();
    assertThat(quotes)
        .as("java fences with the comment that names their source")
        .hasSize((int) fences);
    for (MatchResult quote : quotes) {
      String source = region(ROOT.resolve(quote.group(1)), quote.group(2));
      if (Boolean.getBoolean("docs.update")) {
        text =
            text.replace(
                quote.group(),
                quote.group().replace("```java\n" + quote.group(3), "```java\n" + source));
      } else {
        assertThat(quote.group(3)).as(quote.group(2)).isEqualTo(source);
      }
    }
    if (Boolean.getBoolean("docs.update")) {
      Files.writeString(document, text);
    }
  }

  private static String region(Path file, String name) throws IOException {
    String text = Files.readString(file);
    Matcher region =
        Pattern.compile(
                "// @start region=\"" + Pattern.quote(name) + "\"\\n(.*?)\\n *// @end",
                Pattern.DOTALL)
            .matcher(text);
    assertThat(region.find()).as("region %s in %s", name, file).isTrue();
    return region.group(1).stripIndent() + "\n";
  }

  @TestFactory
  Stream<DynamicTest> linksLeadSomewhere() throws IOException {
    return everyMarkdown().stream()
        .map(document -> dynamicTest(name(document), () -> checkLinks(document)));
  }

  /** Of the modules, too. */
  private static List<Path> everyMarkdown() throws IOException {
    List<Path> found = new ArrayList<>(documents());
    try (Stream<Path> modules = Files.list(ROOT)) {
      for (Path sources : modules.map(module -> module.resolve("src")).sorted().toList()) {
        if (Files.isDirectory(sources)) {
          try (Stream<Path> files = Files.walk(sources)) {
            files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(found::add);
          }
        }
      }
    }
    return found;
  }

  private static void checkLinks(Path document) throws IOException {
    String text = CODE.matcher(withoutFences(Files.readString(document))).replaceAll("");
    for (MatchResult link : LINK.matcher(text).results().toList()) {
      String path = link.group(1);
      if (path.contains(":")) {
        continue; // not of this repository
      }
      Path to = path.isEmpty() ? document : document.resolveSibling(path).normalize();
      assertThat(to).as(link.group()).exists();
      if (link.group(2) != null && to.toString().endsWith(".md")) {
        assertThat(anchors(Files.readString(to))).as(link.group()).contains(link.group(2));
      }
    }
  }

  private static String withoutFences(String text) {
    return FENCE.matcher(text).replaceAll("");
  }

  /** As GitHub names headings; those that come again are numbered. */
  private static List<String> anchors(String document) {
    List<String> anchors = new ArrayList<>();
    Map<String, Integer> seen = new HashMap<>();
    for (MatchResult heading : HEADING.matcher(withoutFences(document)).results().toList()) {
      String shown = heading.group(1).replaceAll("\\]\\([^)]*\\)", "");
      String anchor =
          shown
              .toLowerCase(Locale.ROOT)
              .replaceAll("[^\\p{L}\\p{M}\\p{N}_ -]", "")
              .replace(' ', '-');
      int before = seen.merge(anchor, 1, Integer::sum) - 1;
      anchors.add(before == 0 ? anchor : anchor + "-" + before);
    }
    return anchors;
  }

  @Test
  void anchorsAreThoseOfGitHub() {
    String document =
        """
        # Stable Diffusion 3, 3.5 and FLUX.1
        ## `ablate_it`: what's [new](here.md)?
        ```sh
        # no heading
        ```
        ### learnedWords
        ### learnedWords ###
        """;
    assertThat(anchors(document))
        .containsExactly(
            "stable-diffusion-3-35-and-flux1",
            "ablate_it-whats-new",
            "learnedwords",
            "learnedwords-1");
  }

  /** A command names a class of the command line's class path and modules that exist. */
  @TestFactory
  Stream<DynamicTest> commandsNameWhatExists() throws IOException {
    return documents().stream()
        .map(document ->
            dynamicTest(
                name(document),
                () -> {
                  String text = Files.readString(document);
                  for (MatchResult main : MAIN.matcher(text).results().toList()) {
                    assertThat(Class.forName(main.group(1)).getMethod("main", String[].class))
                        .isNotNull();
                  }
                  for (MatchResult module : MODULE.matcher(text).results().toList()) {
                    assertThat(ROOT.resolve(module.group(1)).resolve("pom.xml")).exists();
                  }
                }));
  }

  @Test
  void theReadmeBeginsWithTheTwoCommands() throws IOException {
    List<String> commands =
        FENCE
            .matcher(Files.readString(ROOT.resolve("README.md")))
            .results()
            .filter(fence -> fence.group(1).equals("sh"))
            .map(fence -> fence.group(2).strip())
            .toList();
    assertThat(commands.get(0)).startsWith("mvn ").contains("-Pablate").doesNotContain("\n");
    assertThat(Files.readString(ROOT.resolve(".ci/run")).strip()).endsWith("\n" + commands.get(1));
  }

  private static String name(Path document) {
    return ROOT.relativize(document).toString();
  }
}
