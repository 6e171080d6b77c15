package dev.ablation.site;

import dev.ablation.internal.TextFile;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.commonmark.Extension;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.ext.heading.anchor.HeadingAnchorExtension;
import org.commonmark.node.AbstractVisitor;
import org.commonmark.node.Heading;
import org.commonmark.node.HtmlBlock;
import org.commonmark.node.HtmlInline;
import org.commonmark.node.Image;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.node.Paragraph;
import org.commonmark.node.Text;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.HtmlRenderer;
import org.commonmark.renderer.text.TextContentRenderer;

/**
 * A page in Markdown and what it becomes.
 *
 * @param source its file, relative to the repository
 * @param target its file in the site
 * @param title its first heading
 * @param html its text
 * @param linked what it links to and shows, relative to the repository
 */
record Page(Path source, Path target, String title, String html, List<Path> linked) {
  private static final List<Extension> EXTENSIONS =
      List.of(TablesExtension.create(), HeadingAnchorExtension.create());
  private static final Pattern QUOTE = Pattern.compile("<!-- (\\S+)#\\S+ -->");

  static Page read(Path root, Path source) throws IOException {
    Node document =
        Parser.builder().extensions(EXTENSIONS).build().parse(TextFile.read(root.resolve(source)));
    Rewriting rewriting = new Rewriting(root, source);
    document.accept(rewriting);
    if (rewriting.title.isEmpty()) {
      throw new IOException(source + " has no heading of the first level");
    }
    String html = HtmlRenderer.builder().extensions(EXTENSIONS).build().render(document);
    return new Page(source, target(source), rewriting.title, html, rewriting.linked);
  }

  private static Path target(Path source) {
    String name = String.valueOf(source.getFileName());
    return source.resolveSibling(
        name.equals("README.md") ? "index.html" : name.replaceFirst("\\.md$", ".html"));
  }

  static String slashed(Path path) {
    return path.toString().replace(File.separatorChar, '/');
  }

  static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\"", "&quot;");
  }

  /**
   * Points links at the pages of the site, and turns the comment that names a quote's source into a
   * link below it; other comments are left out.
   */
  private static final class Rewriting extends AbstractVisitor {
    private final Path root;
    private final Path source;
    private final List<Path> linked = new ArrayList<>();
    private String title = "";

    private Rewriting(Path root, Path source) {
      this.root = root;
      this.source = source;
    }

    @Override
    public void visit(Heading heading) {
      if (heading.getLevel() == 1 && title.isEmpty()) {
        title = TextContentRenderer.builder().build().render(heading).strip();
      }
      visitChildren(heading);
    }

    @Override
    public void visit(HtmlBlock block) {
      if (!block.getLiteral().startsWith("<!--")) {
        throw new IllegalArgumentException(source + " contains HTML: " + block.getLiteral());
      }
      Matcher quote = QUOTE.matcher(block.getLiteral().strip());
      if (quote.matches() && block.getNext() != null) {
        Link link = new Link("../".repeat(source.getNameCount() - 1) + quote.group(1), null);
        link.appendChild(new Text("Source, with imports"));
        Paragraph paragraph = new Paragraph();
        paragraph.appendChild(link);
        block.getNext().insertAfter(paragraph);
      }
      block.unlink();
    }

    @Override
    public void visit(HtmlInline html) {
      throw new IllegalArgumentException(source + " contains HTML: " + html.getLiteral());
    }

    @Override
    public void visit(Link link) {
      link.setDestination(resolved(link.getDestination()));
      visitChildren(link);
    }

    @Override
    public void visit(Image image) {
      image.setDestination(resolved(image.getDestination()));
      visitChildren(image);
    }

    private String resolved(String destination) {
      if (destination.contains("://")) {
        return destination;
      }
      if (destination.startsWith("#")) {
        return destination.toLowerCase(Locale.ROOT);
      }
      int hash = destination.indexOf('#');
      String path = hash < 0 ? destination : destination.substring(0, hash);
      String fragment = hash < 0 ? "" : destination.substring(hash).toLowerCase(Locale.ROOT);
      Path file = source.resolveSibling(path).normalize();
      linked.add(file);
      if (path.endsWith(".md")) {
        Path from = source.toAbsolutePath().getParent();
        Path to = target(file).toAbsolutePath();
        return slashed(from == null ? to : from.relativize(to)) + fragment;
      }
      return Files.isDirectory(root.resolve(file)) ? path + "/index.html" : destination;
    }
  }
}
