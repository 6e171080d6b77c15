package dev.ablation.site;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pages become a site in which every link leads to a file, and to a heading of it. */
class SiteTest {
  private static final Path ROOT = Path.of(System.getProperty("ablation.root"));

  @TempDir private Path folder;

  @Test
  void everyLinkOfTheRepositorysPagesLeadsSomewhere() throws IOException {
    Site.of(ROOT).write(folder);
    assertThat(Links.broken(folder)).isEmpty();
    assertThat(folder.resolve("index.html")).content().contains("docs/guide.html");
    assertThat(folder.resolve("docs/images/report.png")).isNotEmptyFile();
  }

  @Test
  void everyPageIsReachedFromTheReadme() throws IOException {
    assertThat(Site.of(ROOT).unreachable()).isEmpty();
  }

  @Test
  void rendersTablesHeadingsAndCode() throws IOException {
    write("README.md", "# Top\n[a](docs/a.md#two-words)\n");
    write(
        "docs/a.md",
        "# A\n<!-- code/A.java#b -->\n```java\nList<String> a;\n```\n## Two words\n| x |\n| - |\n| y |\n");
    write("code/A.java", "import java.util.List;");
    build();
    assertThat(folder.resolve("site/code/A.java")).content().contains("import");
    assertThat(folder.resolve("site/docs/a.html"))
        .content()
        .contains("<a href=\"../code/A.java\">Source, with imports</a>")
        .contains("<title>A</title>", "List&lt;String&gt; a;", "<td>y</td>", "id=\"two-words\"")
        .contains("href=\"../index.html\"")
        .doesNotContain("A.java#b");
    assertThat(Links.broken(folder.resolve("site"))).isEmpty();
  }

  @Test
  void tellsLinksThatLeadNowhere() throws IOException {
    write("README.md", "# Top\n[a](docs/a.md#three) [b](docs/b.md) [c](#top) [d](#bottom)\n");
    write("docs/a.md", "# A\n");
    assertThatThrownBy(this::build).hasMessageContaining("b.md");
    write("README.md", "# Top\n[a](docs/a.md#three) [c](#top) [d](#bottom)\n");
    build();
    assertThat(Links.broken(folder.resolve("site")))
        .containsExactly("index.html: docs/a.html#three", "index.html: #bottom");
  }

  @Test
  void tellsPagesThatNothingLinksTo() throws IOException {
    write("README.md", "# Top\n[a](docs/a.md)\n");
    write("docs/a.md", "# A\n[top](../README.md)\n");
    write("docs/b.md", "# B\n");
    assertThat(Site.of(folder).unreachable()).containsExactly(Path.of("docs/b.md"));
  }

  @Test
  void copiesNothingFromOutsideOfTheRepository() throws IOException {
    Path inside = Files.createDirectories(folder.resolve("repository/docs"));
    Files.writeString(folder.resolve("secret.txt"), "secret");
    Files.writeString(inside.resolveSibling("README.md"), "# Top\n[s](../secret.txt)\n");
    Site site = Site.of(inside.resolveSibling(""));
    assertThatThrownBy(() -> site.write(folder.resolve("site")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("secret.txt");
  }

  private void build() throws IOException {
    Site.of(folder).write(folder.resolve("site"));
  }

  private void write(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.createDirectories(folder.resolve("docs"));
    Files.writeString(file, text);
  }
}
