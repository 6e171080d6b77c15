package dev.ablation.anchor;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Comma-separated values (RFC 4180): quoted fields may contain commas, line ends and doubled
 * quotes.
 */
final class CsvRecords {
  /**
   * One record.
   *
   * @param line the line on which it begins, from 1
   * @param fields its values
   */
  record Row(int line, List<String> fields) {}

  private final String text;
  private final Path file;
  private int position;
  private int line = 1;

  private CsvRecords(String text, Path file) {
    this.text = text;
    this.file = file;
  }

  /** Returns the records; skips empty lines. */
  static List<Row> parse(String text, Path file) throws IOException {
    CsvRecords csv = new CsvRecords(text, file);
    List<Row> rows = new ArrayList<>();
    while (csv.position < text.length()) {
      Row row = csv.row();
      if (row.fields().size() > 1 || !row.fields().get(0).isEmpty()) {
        rows.add(row);
      }
    }
    return rows;
  }

  private Row row() throws IOException {
    int first = line;
    List<String> fields = new ArrayList<>();
    do {
      fields.add(next() == '"' ? quoted() : plain());
    } while (skip(','));
    skip('\r');
    if (position < text.length() && !skip('\n')) {
      throw problem("a line must end after a quoted field");
    }
    line++;
    return new Row(first, fields);
  }

  private String plain() throws IOException {
    int start = position;
    while (position < text.length() && ",\r\n".indexOf(text.charAt(position)) < 0) {
      if (text.charAt(position) == '"') {
        throw problem("a field that contains a quote must be quoted");
      }
      position++;
    }
    return text.substring(start, position);
  }

  private String quoted() throws IOException {
    StringBuilder field = new StringBuilder();
    position++;
    while (position < text.length()) {
      char c = text.charAt(position++);
      if (c == '"' && !skip('"')) {
        return field.toString();
      }
      if (c == '\n') {
        line++;
      }
      field.append(c);
    }
    throw problem("a quoted field must have a closing quote");
  }

  private char next() {
    return position < text.length() ? text.charAt(position) : 0;
  }

  private boolean skip(char c) {
    boolean found = next() == c && position < text.length();
    position += found ? 1 : 0;
    return found;
  }

  private IOException problem(String rule) {
    return new IOException("%s: line %d: %s".formatted(file, line, rule));
  }
}
