package dev.ablation.site;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The pages of the repository (README, the Markdown files beside it, and docs) with what they link
 * to, and the Javadoc of the modules where it has been built.
 */
final class Site {
  private static final Path START = Path.of("README.md");
  private static final String STYLE = "style.css";

  private final Path root;
  private final Map<Path, Page> pages;

  private Site(Path root, Map<Path, Page> pages) {
    this.root = root;
    this.pages = pages;
  }

  /**
   * Reads the pages.
   *
   * @param repository the folder of the README
   * @return the site
   */
  static Site of(Path repository) throws IOException {
    Path root = repository.toAbsolutePath().normalize();
    Map<Path, Page> pages = new LinkedHashMap<>();
    pages.put(START, Page.read(root, START));
    for (String folder : List.of("docs", "")) {
      try (Stream<Path> files = Files.list(root.resolve(folder))) {
        for (Path file : files.sorted().toList()) {
          Path source = root.relativize(file);
          if (source.toString().endsWith(".md")) {
            pages.putIfAbsent(source, Page.read(root, source));
          }
        }
      }
    }
    return new Site(root, pages);
  }

  /** Pages that no chain of links from the README leads to. */
  List<Path> unreachable() {
    Set<Path> reached = new LinkedHashSet<>(Set.of(START));
    List<Path> open = new ArrayList<>(reached);
    while (!open.isEmpty()) {
      for (Path linked : page(open.remove(open.size() - 1)).linked()) {
        if (pages.containsKey(linked) && reached.add(linked)) {
          open.add(linked);
        }
      }
    }
    return pages.keySet().stream().filter(page -> !reached.contains(page)).toList();
  }

  private Page page(Path source) {
    return Objects.requireNonNull(pages.get(source), source::toString);
  }

  /**
   * Writes everything.
   *
   * @param folder the folder of the site; files in it are replaced
   */
  void write(Path folder) throws IOException {
    List<Path> api = modulesWithJavadoc();
    for (Page page : pages.values()) {
      write(folder, page.target(), page.title(), page.html());
      for (Path linked : page.linked()) {
        if (!pages.containsKey(linked)) {
          copyLinked(linked, folder);
        }
      }
    }
    StringBuilder modules = new StringBuilder("<h1>Javadoc</h1>\n<ul>\n");
    for (Path module : api) {
      copyTree(javadoc(module), folder.resolve("api").resolve(module));
      modules.append("<li><a href=\"" + module + "/index.html\">" + module + "</a></li>\n");
    }
    modules.append("</ul>\n");
    write(folder, Path.of("api", "index.html"), "Javadoc", modules.toString());
    try (InputStream style = Site.class.getResourceAsStream(STYLE)) {
      Files.copy(
          Objects.requireNonNull(style, STYLE),
          folder.resolve(STYLE),
          StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private List<Path> modulesWithJavadoc() throws IOException {
    try (Stream<Path> files = Files.list(root)) {
      return files
          .map(root::relativize)
          .filter(module -> Files.isRegularFile(javadoc(module).resolve("index.html")))
          .sorted()
          .toList();
    }
  }

  private Path javadoc(Path module) {
    return root.resolve(module).resolve(Path.of("target", "reports", "apidocs"));
  }

  private void write(Path folder, Path target, String title, String body) throws IOException {
    Path file = folder.resolve(target);
    Files.createDirectories(Objects.requireNonNull(file.getParent()));
    String up = "../".repeat(target.getNameCount() - 1);
    StringBuilder menu = new StringBuilder();
    for (Page page : pages.values()) {
      menu.append(
          "<a href=\"%s%s\"%s>%s</a>\n"
              .formatted(
                  up,
                  Page.slashed(page.target()),
                  page.target().equals(target) ? " aria-current=\"page\"" : "",
                  Page.escaped(page.title())));
    }
    Files.writeString(
        file,
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>%s</title>
        <link rel="stylesheet" href="%s%s">
        </head>
        <body>
        <nav aria-label="Pages">
        %s<a href="%sapi/index.html">Javadoc</a>
        </nav>
        <main>
        %s</main>
        </body>
        </html>
        """
            .formatted(Page.escaped(title), up, STYLE, menu, up, body));
  }

  /** Copies a file; of a folder its files and a page that lists them. */
  private void copyLinked(Path linked, Path folder) throws IOException {
    Path from = root.resolve(linked);
    Path to = folder.resolve(linked);
    if (!from.normalize().startsWith(root)) {
      throw new IOException(linked + ": a link leads out of the repository");
    }
    if (!Files.isDirectory(from)) {
      Files.createDirectories(Objects.requireNonNull(to.getParent()));
      Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
      return;
    }
    copyTree(from, to);
    StringBuilder list = new StringBuilder("<h1>" + linked.getFileName() + "</h1>\n<ul>\n");
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.sorted().toList()) {
        String name = Page.escaped(String.valueOf(file.getFileName()));
        list.append("<li><a href=\"" + name + "\">" + name + "</a></li>\n");
      }
    }
    write(
        folder, linked.resolve("index.html"), linked.toString(), list.append("</ul>\n").toString());
  }

  private static void copyTree(Path from, Path to) throws IOException {
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path each, BasicFileAttributes attributes)
              throws IOException {
            Files.createDirectories(to.resolve(from.relativize(each)));
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path each, BasicFileAttributes attributes)
              throws IOException {
            Files.copy(
                each, to.resolve(from.relativize(each)), StandardCopyOption.REPLACE_EXISTING);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
