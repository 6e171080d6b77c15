package dev.ablation.concept;

import dev.ablation.internal.StrictJson;
import dev.ablation.internal.TextFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** A text file of prompt pairs, one pair a line. */
final class PromptPairFile {
  private static final String ANCHOR = "anchor";
  private static final String TARGET = "target";
  private static final String HEADER = ANCHOR + "\t" + TARGET;

  private PromptPairFile() {}

  /** Parses the pair in one line. */
  @FunctionalInterface
  private interface LineReader {
    PromptPair read(String line) throws IOException;
  }

  static List<PromptPair> read(Path file) throws IOException {
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    if (name.endsWith(".tsv")) {
      return read(file, true, PromptPairFile::tabSeparated);
    }
    if (name.endsWith(".jsonl")) {
      return read(file, false, PromptPairFile::json);
    }
    throw new IOException(file + ": the name of a prompt pair file must end with .tsv or .jsonl");
  }

  private static List<PromptPair> read(Path file, boolean header, LineReader reader)
      throws IOException {
    List<PromptPair> pairs = new ArrayList<>();
    List<String> lines = TextFile.lines(file);
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (line.isBlank() || (header && i == 0 && line.strip().equals(HEADER))) {
        continue;
      }
      try {
        pairs.add(reader.read(line));
      } catch (IOException | IllegalArgumentException e) {
        throw new IOException("%s, line %d: %s".formatted(file, i + 1, e.getMessage()), e);
      }
    }
    if (pairs.isEmpty()) {
      throw new IOException(file + ": must contain at least one prompt pair, one a line");
    }
    return pairs;
  }

  private static PromptPair tabSeparated(String line) {
    String[] columns = line.split("\t", -1);
    if (columns.length != 2) {
      throw new IllegalArgumentException(
          "must be an anchor prompt, a tab and a target prompt, but has %d tabs"
              .formatted(columns.length - 1));
    }
    return new PromptPair(columns[0], columns[1]);
  }

  private static PromptPair json(String line) throws IOException {
    if (StrictJson.parse(line) instanceof Map<?, ?> pair
        && pair.keySet().equals(Set.of(ANCHOR, TARGET))
        && pair.get(ANCHOR) instanceof String anchor
        && pair.get(TARGET) instanceof String target) {
      return new PromptPair(anchor, target);
    }
    throw new IllegalArgumentException(
        "must be {\"anchor\": \"...\", \"target\": \"...\"}, but is " + line.strip());
  }
}
