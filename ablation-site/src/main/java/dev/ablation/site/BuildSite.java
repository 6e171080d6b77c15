package dev.ablation.site;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Builds the site: {@code BuildSite ROOT FOLDER}. Fails if a link leads nowhere. */
final class BuildSite {
  private BuildSite() {}

  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      throw new IllegalArgumentException("expected ROOT and FOLDER, got " + List.of(args));
    }
    Path folder = Path.of(args[1]);
    Site site = Site.of(Path.of(args[0]));
    site.write(folder);
    List<String> broken = Links.broken(folder);
    if (!broken.isEmpty()) {
      throw new IllegalStateException("links that lead nowhere:\n" + String.join("\n", broken));
    }
    System.out.println("Site: " + folder.resolve("index.html"));
  }
}
