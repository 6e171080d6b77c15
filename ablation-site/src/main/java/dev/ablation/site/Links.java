package dev.ablation.site;

import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The links between the pages of a site. Javadoc checks its own. */
final class Links {
  private static final Pattern LINK = Pattern.compile("(?:href|src)=\"([^\"]*)\"");

  private Links() {}

  /**
   * Links that lead to no file or to no heading.
   *
   * @param site the folder of the site
   * @return a line for each, empty if all lead somewhere
   */
  static List<String> broken(Path site) throws IOException {
    List<Path> pages;
    try (Stream<Path> files = Files.walk(site)) {
      pages =
          files
              .filter(file -> file.toString().endsWith(".html"))
              .filter(file -> !isJavadoc(site.relativize(file)))
              .sorted()
              .toList();
    }
    Map<Path, String> texts = new HashMap<>();
    for (Path page : pages) {
      texts.put(page, TextFile.read(page));
    }
    List<String> broken = new ArrayList<>();
    for (Path page : pages) {
      for (MatchResult link : LINK.matcher(texts.getOrDefault(page, "")).results().toList()) {
        String address = link.group(1);
        if (!address.contains("://") && !leadsSomewhere(page, address, texts)) {
          broken.add(site.relativize(page) + ": " + address);
        }
      }
    }
    return broken;
  }

  private static boolean isJavadoc(Path file) {
    return file.startsWith("api") && file.getNameCount() > 2;
  }

  private static boolean leadsSomewhere(Path page, String address, Map<Path, String> texts) {
    int hash = address.indexOf('#');
    String path = hash < 0 ? address : address.substring(0, hash);
    Path target = path.isEmpty() ? page : page.resolveSibling(path).normalize();
    return Files.isRegularFile(target)
        && (hash < 0
            || texts
                .getOrDefault(target, "")
                .contains(" id=\"" + address.substring(hash + 1) + "\""));
  }
}
