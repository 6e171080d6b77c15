package dev.ablation.anchor;

import dev.ablation.internal.StrictJson;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the list of images and captions in a folder. */
final class CaptionedFolder {
  private static final String IMAGES = "images.txt";
  private static final String CAPTIONS = "caption.txt";
  private static final String JSON_LINES = "metadata.jsonl";
  private static final String CSV = "metadata.csv";
  private static final String FILE_NAME = "file_name";
  private static final String TEXT = "text";

  private final Path folder;
  private final Problems problems = new Problems();
  private final List<CaptionedImage> images = new ArrayList<>();

  private CaptionedFolder(Path folder) {
    this.folder = folder;
  }

  static List<CaptionedImage> read(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException(folder + ": must be a folder");
    }
    return new CaptionedFolder(folder).read();
  }

  private List<CaptionedImage> read() throws IOException {
    List<String> found =
        List.of(IMAGES, JSON_LINES, CSV).stream()
            .filter(name -> Files.exists(folder.resolve(name)))
            .toList();
    if (found.size() != 1) {
      throw new IOException(
          "%s: must have one of %s with %s, %s or %s, but has %s"
              .formatted(
                  folder,
                  IMAGES,
                  CAPTIONS,
                  JSON_LINES,
                  CSV,
                  found.isEmpty() ? "none" : String.join(" and ", found)));
    }
    switch (found.get(0)) {
      case IMAGES -> readTextFiles();
      case JSON_LINES -> readJsonLines();
      default -> readCsv();
    }
    if (images.isEmpty() && problems.isEmpty()) {
      problems.add(folder.resolve(found.get(0)) + ": must list at least one image");
    }
    problems.check();
    return images;
  }

  private void readTextFiles() throws IOException {
    Path imageFile = folder.resolve(IMAGES);
    Path captionFile = folder.resolve(CAPTIONS);
    if (!Files.exists(captionFile)) {
      throw new IOException(captionFile + ": is missing, but " + IMAGES + " is there");
    }
    List<String> images = lines(imageFile);
    List<String> captions = lines(captionFile);
    if (images.size() != captions.size()) {
      problems.add(
          "%s: must have a line for each of the %d images in %s, but has %d"
              .formatted(captionFile, images.size(), IMAGES, captions.size()));
    }
    for (int i = 0; i < images.size(); i++) {
      String caption = i < captions.size() ? captions.get(i) : "(missing)";
      add(imageFile, i + 1, images.get(i), captionFile, caption);
    }
  }

  private void readJsonLines() throws IOException {
    Path file = folder.resolve(JSON_LINES);
    List<String> lines = lines(file);
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (line.isBlank()) {
        continue;
      }
      try {
        if (!(StrictJson.parse(line) instanceof Map<?, ?> object)) {
          problems.add(at(file, i + 1) + "must be a JSON object");
        } else if (object.get(FILE_NAME) instanceof String name
            && object.get(TEXT) instanceof String text) {
          add(file, i + 1, name, file, text);
        } else {
          problems.add(
              at(file, i + 1) + "must have the strings '%s' and '%s'".formatted(FILE_NAME, TEXT));
        }
      } catch (IOException e) {
        problems.add(at(file, i + 1) + e.getMessage());
      }
    }
  }

  private void readCsv() throws IOException {
    Path file = folder.resolve(CSV);
    List<CsvRecords.Row> rows = CsvRecords.parse(TextFile.read(file), file);
    if (rows.isEmpty()) {
      return;
    }
    List<String> header = rows.get(0).fields().stream().map(String::strip).toList();
    int name = header.indexOf(FILE_NAME);
    int text = header.indexOf(TEXT);
    if (name < 0 || text < 0) {
      throw new IOException(
          "%s: line 1: must name the columns '%s' and '%s', but names %s"
              .formatted(file, FILE_NAME, TEXT, header));
    }
    for (CsvRecords.Row row : rows.subList(1, rows.size())) {
      if (row.fields().size() != header.size()) {
        problems.add(
            at(file, row.line())
                + "must have %d fields like the header, but has %d"
                    .formatted(header.size(), row.fields().size()));
      } else {
        add(file, row.line(), row.fields().get(name), file, row.fields().get(text));
      }
    }
  }

  private void add(Path file, int line, String name, Path captionFile, String caption) {
    if (caption.isBlank()) {
      problems.add(at(captionFile, line) + "caption must not be blank");
    }
    Path image = image(file, line, name);
    if (image != null && !caption.isBlank()) {
      images.add(new CaptionedImage(image, caption));
    }
  }

  /** Returns the file that a line names; {@code null} after reporting a problem. */
  private @Nullable Path image(Path file, int line, String name) {
    if (name.isBlank()) {
      problems.add(at(file, line) + "name of an image must not be blank");
      return null;
    }
    Path named;
    try {
      named = Path.of(name.strip());
    } catch (InvalidPathException e) {
      problems.add(at(file, line) + "'%s' is not a path: %s".formatted(name, e.getReason()));
      return null;
    }
    Path base = folder.toAbsolutePath().normalize();
    Path absolute = base.resolve(named).normalize();
    boolean isInside = absolute.startsWith(base);
    if (!isInside && named.isAbsolute()) {
      Path moved = belowNamesake(absolute);
      if (moved != null) {
        return moved;
      }
    }
    if (!isInside) {
      problems.add(at(file, line) + "'%s' must be in the folder".formatted(name));
      return null;
    }
    Path relative = base.relativize(absolute);
    Path inside = folder.resolve(relative).normalize();
    if (Files.isRegularFile(inside)) {
      return inside;
    }
    Path below = belowNamesake(relative);
    if (below == null) {
      problems.add(
          at(file, line)
              + (Files.exists(inside)
                  ? "'%s' must be a file".formatted(name)
                  : "image '%s' does not exist".formatted(name)));
    }
    return below;
  }

  /**
   * The published code writes paths relative to its working directory, such as
   * "data/samples_cat/samples/1.png" in the folder samples_cat, and a folder that was moved lists
   * the absolute paths of before. Looks in the folder for the part after the folder's name.
   */
  private @Nullable Path belowNamesake(Path path) {
    Path own = folder.toAbsolutePath().normalize().getFileName();
    for (int i = path.getNameCount() - 2; i >= 0; i--) {
      if (path.getName(i).equals(own)) {
        Path candidate = folder.resolve(path.subpath(i + 1, path.getNameCount()));
        if (Files.isRegularFile(candidate)) {
          return candidate;
        }
      }
    }
    return null;
  }

  private static String at(Path file, int line) {
    return file + ": line " + line + ": ";
  }

  /** The lines of a file, without trailing blank ones. */
  private static List<String> lines(Path file) throws IOException {
    List<String> lines = new ArrayList<>(TextFile.lines(file));
    while (!lines.isEmpty() && lines.get(lines.size() - 1).isBlank()) {
      lines.remove(lines.size() - 1);
    }
    return lines;
  }
}
