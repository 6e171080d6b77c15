package dev.ablation.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#]+)(#[^)]*)?\\)");

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
    return documents().stream()
        .map(document ->
            dynamicTest(
                name(document),
                () -> {
                  for (MatchResult link :
                      LINK.matcher(Files.readString(document)).results().toList()) {
                    if (!link.group(1).contains("://")) {
                      assertThat(document.resolveSibling(link.group(1)).normalize()).exists();
                    }
                  }
                }));
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
